"""What the system of record tells: people, pay, leave, benefits and cases as plain frozen values.

These are the only shapes that cross the interface, so that an action never meets a row, a
connection or a half-read object. They hold no behaviour beyond arithmetic on their own fields and
must never carry more than the request needs: an account number appears only masked.

Money is `Decimal` with two places in euro, days are whole working days, dates are `datetime.date`
in the organisation's time zone, moments are aware UTC `datetime`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

CURRENCY = "EUR"

EmploymentType = Literal["employee", "contractor"]
LeaveKind = Literal["annual", "sick", "special", "parental", "unpaid"]
LeaveStatus = Literal["pending", "approved", "declined", "withdrawn"]
LineKind = Literal["earning", "deduction"]
CaseKind = Literal[
    "security_incident", "second_factor_reset", "retirement_transfer", "speak_to_person"
]

LEAVE_KINDS: tuple[LeaveKind, ...] = ("annual", "sick", "special", "parental", "unpaid")
CASE_KINDS: tuple[CaseKind, ...] = (
    "security_incident",
    "second_factor_reset",
    "retirement_transfer",
    "speak_to_person",
)


class Period(NamedTuple):
    """A calendar month of payroll; orders by time."""

    year: int
    month: int


@dataclass(frozen=True, slots=True)
class Employee:
    """One person of the organisation as colleagues may know them; contractors included."""

    employee_id: str
    first_name: str
    last_name: str
    job_title: str
    department: str
    location: str
    employment_type: EmploymentType
    email: str
    phone: str
    started_on: date
    manager_id: str | None
    manager_name: str | None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Salary:
    """Contracted pay before deductions, in effect since `since`; `band` is a `SalaryBand.code`."""

    employee_id: str
    annual_gross: Decimal
    monthly_gross: Decimal
    band: str
    since: date
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class SalaryBand:
    """Lowest and highest annual gross pay of a grade."""

    code: str
    title: str
    minimum: Decimal
    maximum: Decimal
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class PayslipLine:
    """One earning or deduction; `amount` is positive in both."""

    label: str
    kind: LineKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Payslip:
    """One month's pay: `gross` is the sum of the earnings, `net` is `gross - deductions`."""

    employee_id: str
    period: Period
    pay_date: date
    lines: tuple[PayslipLine, ...]
    gross: Decimal
    deductions: Decimal
    net: Decimal
    paid_to: str
    """Masked IBAN."""
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class TaxWithholding:
    """How pay is taxed now, with the amounts of a month without extras (demo figures)."""

    employee_id: str
    tax_class: str
    """`I` to `VI`."""
    child_allowances: Decimal
    church_tax: bool
    monthly_gross: Decimal
    income_tax: Decimal
    church_tax_amount: Decimal
    social_security: Decimal
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class TaxForm:
    """The year-end wage tax statement: sums over the payslips of `year`."""

    employee_id: str
    year: int
    first_month: int
    last_month: int
    gross: Decimal
    income_tax: Decimal
    church_tax: Decimal
    social_security: Decimal
    issued_on: date
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where pay goes from the pay run on `effective_from`; the number only masked."""

    employee_id: str
    masked_iban: str
    """Country and last four characters, for example `DE•• … 4321`."""
    country: str
    effective_from: date


@dataclass(frozen=True, slots=True)
class Address:
    """Home address in Germany."""

    employee_id: str
    street: str
    postcode: str
    city: str
    since: date


@dataclass(frozen=True, slots=True)
class LeaveBalance:
    """Annual leave of one calendar year in working days, as of a day."""

    employee_id: str
    year: int
    entitlement: int
    carried_over: int
    taken: int
    planned: int
    """Approved and still ahead."""
    pending: int
    """Asked for and not yet decided."""

    @property
    def available(self) -> int:
        """Days that can still be asked for."""
        return self.entitlement + self.carried_over - self.taken - self.planned - self.pending


@dataclass(frozen=True, slots=True)
class LeaveEntry:
    """Leave that was taken, cut to the year and day that were asked about."""

    kind: LeaveKind
    start: date
    end: date
    working_days: int


@dataclass(frozen=True, slots=True)
class LeavePreview:
    """What a leave request would cost, before it is made.

    `available_after` is for annual leave (of the year with fewer days left when the request spans
    two), None for other kinds. `needs_approval` is False for sick leave, which is only recorded.
    """

    kind: LeaveKind
    start: date
    end: date
    working_days: int
    available_after: int | None
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class LeaveRequest:
    """A request for leave and its state."""

    request_id: str
    """`L-` and six digits or more."""
    employee_id: str
    employee_name: str
    kind: LeaveKind
    start: date
    end: date
    working_days: int
    status: LeaveStatus
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    """Name of who decided; None while pending and for leave that needs no approval."""


@dataclass(frozen=True, slots=True)
class TeamLeave:
    """When a direct report is away. The kind is left out: a planner needs no reason of absence."""

    employee_id: str
    employee_name: str
    start: date
    end: date
    status: LeaveStatus


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday in Berlin."""

    date: date
    name: str


@dataclass(frozen=True, slots=True)
class HealthPlan:
    """A company health plan on top of statutory insurance; `monthly_cost` comes off net pay."""

    code: str
    name: str
    summary: str
    monthly_cost: Decimal
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class HealthCover:
    """A person's plan now and, when a change waits, the plan from `next_from` on."""

    employee_id: str
    plan: HealthPlan
    since: date
    next_plan: HealthPlan | None
    next_from: date | None


@dataclass(frozen=True, slots=True)
class RetirementGuide:
    """How to move a retirement plan here from a former employer."""

    provider: str
    contact: str
    steps: tuple[str, ...]
    documents: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket that people work on."""

    case_id: str
    """`C-` and six digits or more."""
    employee_id: str
    kind: CaseKind
    text: str
    status: Literal["open", "closed"]
    desk: str
    """Who works on it, for example `Security desk`."""
    reply_within: str
    """When the person hears back, in words, for example `one hour`."""
    opened_at: datetime
