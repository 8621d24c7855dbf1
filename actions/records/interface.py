"""The one way from an action to the organisation's data.

An action knows this protocol and nothing behind it, so that another HR or payroll system can take
the place of the demo database. An implementation must never let a foreign exception out, never
write in a method that only tells, and never leave a change half-made: each method that changes
something does so in one transaction and is repeatable under its `request_key`.

Who may ask is not decided here: the caller passes the ids it was allowed to use. `approve_leave`
checks the reporting line again, because a wrong approval cannot be taken back in words.

Common to all methods:

- `employee_id`, `manager_id`: `E-` and digits. An unknown or malformed one raises `RecordNotFound`.
- `today`, `on`: a day in the organisation's time zone. `now`: an aware `datetime` in that zone.
- `request_key`: 8 to 128 of `A-Z a-z 0-9 . _ : -`. The same key with the same values gives the
  first answer again and changes nothing; with other values it raises `Conflict`.
- Values that people typed may be anything. What cannot be accepted raises `InvalidChange`, whose
  message is a sentence for the person that says what to do.
- A store that does not answer raises `gatehouse.errors.Unavailable`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from actions.records.model import (
    CASE_KINDS,
    CURRENCY,
    LEAVE_KINDS,
    Address,
    BankAccount,
    Case,
    CaseKind,
    Employee,
    EmploymentType,
    HealthCover,
    HealthPlan,
    Holiday,
    LeaveBalance,
    LeaveEntry,
    LeaveKind,
    LeavePreview,
    LeaveRequest,
    LeaveStatus,
    LineKind,
    Payslip,
    PayslipLine,
    Period,
    RetirementGuide,
    Salary,
    SalaryBand,
    TaxForm,
    TaxWithholding,
    TeamLeave,
)
from gatehouse.errors import GatehouseError

__all__ = [
    "CASE_KINDS",
    "CURRENCY",
    "LEAVE_KINDS",
    "Address",
    "BankAccount",
    "Case",
    "CaseKind",
    "Conflict",
    "Employee",
    "EmploymentType",
    "HealthCover",
    "HealthPlan",
    "Holiday",
    "InvalidChange",
    "LeaveBalance",
    "LeaveEntry",
    "LeaveKind",
    "LeavePreview",
    "LeaveRequest",
    "LeaveStatus",
    "LineKind",
    "Payslip",
    "PayslipLine",
    "Period",
    "RecordNotFound",
    "RetirementGuide",
    "Salary",
    "SalaryBand",
    "SystemOfRecord",
    "TaxForm",
    "TaxWithholding",
    "TeamLeave",
]


class RecordNotFound(GatehouseError):
    """There is no such record for this person; the message is a sentence for them."""

    exit_code = 3


class InvalidChange(GatehouseError):
    """A change that cannot be made as given; nothing was written.

    The message is a sentence for the person that says what to do. `field` names the value to ask
    for again: `leave_kind`, `start_date`, `end_date`, `iban`, `street`, `postcode`, `city`,
    `health_plan`, `former_employer`, `text`, or empty when no single value is at fault.
    """

    exit_code = 3

    def __init__(self, message: str, *hints: str, field: str = "") -> None:
        super().__init__(message, *hints)
        self.field = field


class Conflict(GatehouseError):
    """The record changed meanwhile, or a request key was used for something else before."""

    exit_code = 3


class SystemOfRecord(Protocol):
    """Everything that the assistant can ask of, or change in, HR and payroll."""

    # People

    def employee(self, employee_id: str) -> Employee:
        """The person with this id."""
        ...

    def find_people(self, text: str) -> tuple[Employee, ...]:
        """People whose name matches `text` (any case, accents optional, parts of names, or an id).

        A full name that matches exactly wins over partial matches. At most ten, by last name;
        none for text that cannot be a name. Never raises `InvalidChange`.
        """
        ...

    def is_manager_of(self, manager_id: str, employee_id: str) -> bool:
        """Whether `employee_id` reports directly to `manager_id`; False for unknown ids."""
        ...

    def team(self, manager_id: str) -> tuple[Employee, ...]:
        """The direct reports of `manager_id`, by last name; may be empty."""
        ...

    def address(self, employee_id: str) -> Address:
        """The home address on record."""
        ...

    def change_address(
        self,
        employee_id: str,
        street: str,
        postcode: str,
        city: str,
        request_key: str,
        now: datetime,
    ) -> Address:
        """Replace the home address from today; earlier addresses are kept as history."""
        ...

    # Pay

    def salary(self, employee_id: str, on: date) -> Salary:
        """The contracted salary in effect `on`. Contractors: `RecordNotFound`."""
        ...

    def salary_bands(self) -> tuple[SalaryBand, ...]:
        """All grades, lowest first."""
        ...

    def next_pay_date(self, today: date) -> date:
        """The next pay day, `today` included: the last working day of a month."""
        ...

    def payslip_periods(self, employee_id: str) -> tuple[Period, ...]:
        """The months that have a payslip, newest first; empty for contractors."""
        ...

    def payslip(self, employee_id: str, year: int, month: int) -> Payslip:
        """The payslip of a month. `RecordNotFound` says which months there are."""
        ...

    def tax_withholding(self, employee_id: str, on: date) -> TaxWithholding:
        """How the salary in effect `on` is taxed."""
        ...

    def tax_form_years(self, employee_id: str) -> tuple[int, ...]:
        """The complete years that have a wage tax statement, newest first."""
        ...

    def tax_form(self, employee_id: str, year: int) -> TaxForm:
        """The wage tax statement of a complete year. `RecordNotFound` says which there are."""
        ...

    def bank_account(self, employee_id: str, on: date) -> BankAccount:
        """The account that a pay run on this day would pay to."""
        ...

    def change_bank_account(
        self, employee_id: str, iban: str, request_key: str, now: datetime
    ) -> BankAccount:
        """Pay to `iban` from the next pay run that is still open; the old account is kept."""
        ...

    # Leave

    def leave_balance(self, employee_id: str, today: date) -> LeaveBalance:
        """Annual leave of the year of `today`."""
        ...

    def leave_taken(self, employee_id: str, year: int, today: date) -> tuple[LeaveEntry, ...]:
        """Approved leave of all kinds in `year` up to and including `today`, oldest first."""
        ...

    def leave_requests(self, employee_id: str) -> tuple[LeaveRequest, ...]:
        """The person's latest ten requests, newest first."""
        ...

    def preview_leave(
        self, employee_id: str, kind: str, start: date, end: date, now: datetime
    ) -> LeavePreview:
        """Check a request without making it; raises what `request_leave` would raise."""
        ...

    def request_leave(
        self,
        employee_id: str,
        kind: str,
        start: date,
        end: date,
        request_key: str,
        now: datetime,
    ) -> LeaveRequest:
        """Ask for leave from `start` to `end`, both included.

        The result is `pending`, or `approved` at once for sick leave, which is only recorded.
        Two requests that together would overlap or exceed the balance cannot both succeed.
        """
        ...

    def withdraw_leave(
        self, employee_id: str, request_id: str, request_key: str, now: datetime
    ) -> LeaveRequest:
        """Take back one's own request that waits; the result is `withdrawn`.

        A request of somebody else raises `RecordNotFound`, as an unknown one does; one that was
        decided meanwhile raises `Conflict`.
        """
        ...

    def pending_requests_of_team(self, manager_id: str) -> tuple[LeaveRequest, ...]:
        """Undecided requests of direct reports, by start."""
        ...

    def approve_leave(
        self, manager_id: str, request_id: str, request_key: str, now: datetime
    ) -> LeaveRequest:
        """Approve a direct report's pending request.

        A request that is not of a direct report raises `RecordNotFound`, as an unknown one does;
        one that was decided meanwhile raises `Conflict`.
        """
        ...

    def team_leave(self, manager_id: str, start: date, end: date) -> tuple[TeamLeave, ...]:
        """Pending and approved leave of direct reports that touches `start` to `end`, by start."""
        ...

    def next_holiday(self, today: date) -> Holiday:
        """The next public holiday in Berlin, `today` included."""
        ...

    # Benefits

    def health_plans(self) -> tuple[HealthPlan, ...]:
        """The plans on offer, cheapest first."""
        ...

    def health_cover(self, employee_id: str, today: date) -> HealthCover:
        """The person's plan and a change that waits. Contractors: `RecordNotFound`."""
        ...

    def request_health_plan_change(
        self, employee_id: str, plan: str, request_key: str, now: datetime
    ) -> HealthCover:
        """Change to `plan` (its code or name) from the first day of next month."""
        ...

    def retirement_guide(self) -> RetirementGuide:
        """How a transfer from a former employer works."""
        ...

    def open_transfer(
        self, employee_id: str, former_employer: str | None, request_key: str, now: datetime
    ) -> Case:
        """Start the transfer of a retirement plan as a case; the former employer may follow."""
        ...

    # Cases

    def open_case(
        self, employee_id: str, kind: str, text: str, request_key: str, now: datetime
    ) -> Case:
        """Open a case of one of `CASE_KINDS`; an incident needs a text, the others may be empty."""
        ...

    def cases(self, employee_id: str) -> tuple[Case, ...]:
        """The person's open cases, newest first."""
        ...
