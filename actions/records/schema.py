"""Tables of the demo system of record, in a database of its own.

Amounts are whole cents, moments whole seconds since the epoch, so that both databases hold the
same. Anything that has a validity is added to and never overwritten: salaries, addresses, bank
accounts and health plans keep their history. No table may refer to anything outside this file.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _person(name: str = "employee_id", **options: bool) -> sa.Column:
    return sa.Column(name, sa.ForeignKey("hr_employee.employee_id"), **options)


employee = sa.Table(
    "hr_employee",
    metadata,
    sa.Column("employee_id", sa.String, primary_key=True),
    sa.Column("first_name", sa.String, nullable=False),
    sa.Column("last_name", sa.String, nullable=False),
    sa.Column("job_title", sa.String, nullable=False),
    sa.Column("department", sa.String, nullable=False),
    sa.Column("location", sa.String, nullable=False),
    sa.Column("employment_type", sa.String, nullable=False),
    sa.Column("email", sa.String, nullable=False, unique=True),
    sa.Column("phone", sa.String, nullable=False),
    sa.Column("started_on", sa.Date, nullable=False),
    sa.Column("leave_entitlement", sa.Integer, nullable=False),
    _person("manager_id", nullable=True, index=True),
    sa.CheckConstraint("employment_type IN ('employee', 'contractor')"),
    sa.CheckConstraint("manager_id <> employee_id"),
)

address = sa.Table(
    "hr_address",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False, index=True),
    sa.Column("street", sa.String, nullable=False),
    sa.Column("postcode", sa.String, nullable=False),
    sa.Column("city", sa.String, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
)

salary_band = sa.Table(
    "hr_salary_band",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("minimum_cents", sa.Integer, nullable=False),
    sa.Column("maximum_cents", sa.Integer, nullable=False),
    sa.CheckConstraint("0 < minimum_cents AND minimum_cents < maximum_cents"),
)

salary = sa.Table(
    "hr_salary",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("monthly_cents", sa.Integer, nullable=False),
    sa.Column("band", sa.ForeignKey("hr_salary_band.code"), nullable=False),
    sa.UniqueConstraint("employee_id", "since"),
    sa.CheckConstraint("monthly_cents > 0"),
)

tax_profile = sa.Table(
    "hr_tax_profile",
    metadata,
    _person(primary_key=True),
    sa.Column("tax_class", sa.String, nullable=False),
    sa.Column("half_child_allowances", sa.Integer, nullable=False),
    sa.Column("church_tax", sa.Boolean, nullable=False),
)

bank_account = sa.Table(
    "hr_bank_account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False, index=True),
    sa.Column("iban", sa.String, nullable=False),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
)

payslip = sa.Table(
    "hr_payslip",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("pay_date", sa.Date, nullable=False),
    sa.Column("masked_iban", sa.String, nullable=False),
    sa.UniqueConstraint("employee_id", "year", "month"),
    sa.CheckConstraint("month BETWEEN 1 AND 12"),
)

payslip_line = sa.Table(
    "hr_payslip_line",
    metadata,
    sa.Column("payslip_id", sa.ForeignKey("hr_payslip.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("cents", sa.Integer, nullable=False),
    sa.CheckConstraint("kind IN ('earning', 'deduction')"),
    sa.CheckConstraint("cents >= 0"),
)

leave_carry = sa.Table(
    "hr_leave_carry",
    metadata,
    _person(primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("days", sa.Integer, nullable=False),
)

leave_request = sa.Table(
    "hr_leave_request",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("working_days", sa.Integer, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("requested_at", sa.BigInteger, nullable=False),
    sa.Column("decided_at", sa.BigInteger),
    _person("decided_by", nullable=True),
    sa.CheckConstraint("start_date <= end_date"),
    sa.CheckConstraint("status IN ('pending', 'approved', 'declined')"),
    sa.CheckConstraint("kind IN ('annual', 'sick', 'special', 'parental', 'unpaid')"),
)

health_plan = sa.Table(
    "hr_health_plan",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("summary", sa.String, nullable=False),
    sa.Column("monthly_cents", sa.Integer, nullable=False),
)

health_enrolment = sa.Table(
    "hr_health_enrolment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False, index=True),
    sa.Column("plan", sa.ForeignKey("hr_health_plan.code"), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
)

case = sa.Table(
    "hr_case",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _person(nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
)

request_key = sa.Table(
    "hr_request_key",
    metadata,
    sa.Column("request_key", sa.String, primary_key=True),
    _person(nullable=False),
    sa.Column("change", sa.String, nullable=False),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("record_id", sa.Integer, nullable=False),
    sa.Column("used_at", sa.BigInteger, nullable=False),
)

origin = sa.Table(
    "hr_origin",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
)
"""Holds the row `demo` when the data was made up by `seed`."""
