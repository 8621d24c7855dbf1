"""Salaries, payslips and taxes.

Payslips are told as they were written, never computed anew: a salary that changes later must not
change a month that was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import payroll, words, workdays
from actions.records.checks import whole_number
from actions.records.interface import RecordNotFound
from actions.records.model import (
    Payslip,
    PayslipLine,
    Period,
    Salary,
    SalaryBand,
    TaxForm,
    TaxWithholding,
)
from actions.records.schema import (
    payslip,
    payslip_line,
    salary,
    salary_band,
    tax_profile,
)
from actions.records.store import Store, euros, in_effect, person, reading

_BY_INVOICE = "Contractors are paid by invoice, so there is no payroll record."
_STATEMENT_ISSUED = timedelta(days=14)


class Pay(Store):
    """The part of the system of record that knows pay."""

    def salary(self, employee_id: str, on: date) -> Salary:
        with reading(self._engine) as connection:
            row = _salary(connection, employee_id, on)
        return Salary(
            employee_id=employee_id,
            annual_gross=euros(row.monthly_cents * 12),
            monthly_gross=euros(row.monthly_cents),
            band=row.band,
            since=row.since,
        )

    def salary_bands(self) -> tuple[SalaryBand, ...]:
        query = sa.select(salary_band).order_by(salary_band.c.minimum_cents)
        with reading(self._engine) as connection:
            return tuple(
                SalaryBand(row.code, row.title, euros(row.minimum_cents), euros(row.maximum_cents))
                for row in connection.execute(query)
            )

    def next_pay_date(self, today: date) -> date:
        return workdays.next_pay_date(today)

    def payslip_periods(self, employee_id: str) -> tuple[Period, ...]:
        with reading(self._engine) as connection:
            person(connection, employee_id)
            return _periods(connection, employee_id)

    def payslip(self, employee_id: str, year: int, month: int) -> Payslip:
        year = whole_number(year, 1, 9999) or 0
        month = whole_number(month, 1, 12) or 0
        with reading(self._engine) as connection:
            payroll_person(connection, employee_id)
            row = connection.execute(
                sa.select(payslip).where(
                    payslip.c.employee_id == employee_id,
                    payslip.c.year == year,
                    payslip.c.month == month,
                )
            ).one_or_none()
            if row is None:
                raise RecordNotFound(_which_months(_periods(connection, employee_id)))
            return _as_payslip(row, _lines(connection, payslip_line.c.payslip_id == row.id))

    def tax_withholding(self, employee_id: str, on: date) -> TaxWithholding:
        with reading(self._engine) as connection:
            pay = _salary(connection, employee_id, on)
            taxes = connection.execute(
                sa.select(tax_profile).where(tax_profile.c.employee_id == employee_id)
            ).one_or_none()
        if taxes is None:
            raise RecordNotFound("There are no tax details on record yet. Please ask HR.")
        profile = as_tax_profile(taxes)
        lines = payroll.month_lines(pay.monthly_cents, (), profile, 0)
        return TaxWithholding(
            employee_id=employee_id,
            tax_class=profile.tax_class,
            child_allowances=Decimal(profile.half_child_allowances) / 2,
            church_tax=profile.church_tax,
            monthly_gross=euros(pay.monthly_cents),
            income_tax=_total(lines, "income_tax"),
            church_tax_amount=_total(lines, "church_tax"),
            social_security=_total(lines, *payroll.SOCIAL_CODES),
        )

    def tax_form_years(self, employee_id: str) -> tuple[int, ...]:
        return tuple(year for year, month in self.payslip_periods(employee_id) if month == 12)

    def tax_form(self, employee_id: str, year: int) -> TaxForm:
        wanted = whole_number(year, 1, 9998) or 0
        with reading(self._engine) as connection:
            payroll_person(connection, employee_id)
            periods = _periods(connection, employee_id)
            months = sorted(period.month for period in periods if period.year == wanted)
            if not months or months[-1] != 12:
                raise RecordNotFound(_which_years(periods))
            lines = _lines(
                connection, payslip.c.employee_id == employee_id, payslip.c.year == wanted
            )
        return TaxForm(
            employee_id=employee_id,
            year=wanted,
            first_month=months[0],
            last_month=months[-1],
            gross=euros(sum(line.cents for line in lines if line.kind == "earning")),
            income_tax=_total(lines, "income_tax"),
            church_tax=_total(lines, "church_tax"),
            social_security=_total(lines, *payroll.SOCIAL_CODES),
            issued_on=date(wanted + 1, 1, 1) + _STATEMENT_ISSUED,
        )


def as_tax_profile(row: Any) -> payroll.TaxProfile:
    """A row of the tax table as the payroll reads it."""
    return payroll.TaxProfile(row.tax_class, row.half_child_allowances, row.church_tax)


def payroll_person(connection: Connection, employee_id: str) -> None:
    """Raise `RecordNotFound` unless this is an employee, who is paid through payroll."""
    if person(connection, employee_id).employment_type == "contractor":
        raise RecordNotFound(_BY_INVOICE)


def _salary(connection: Connection, employee_id: str, on: date) -> Any:
    payroll_person(connection, employee_id)
    row = connection.execute(in_effect(salary, "since", employee_id, on)).one_or_none()
    if row is None:
        raise RecordNotFound(f"There is no salary on record for {words.day(on)}.")
    return row


def _periods(connection: Connection, employee_id: str) -> tuple[Period, ...]:
    query = (
        sa.select(payslip.c.year, payslip.c.month)
        .where(payslip.c.employee_id == employee_id)
        .order_by(payslip.c.year.desc(), payslip.c.month.desc())
    )
    return tuple(Period(row.year, row.month) for row in connection.execute(query))


def _lines(connection: Connection, *conditions: Any) -> tuple[payroll.Line, ...]:
    query = (
        sa.select(payslip_line)
        .join(payslip)
        .where(*conditions)
        .order_by(payslip.c.year, payslip.c.month, payslip_line.c.position)
    )
    return tuple(payroll.Line(row.code, row.kind, row.cents) for row in connection.execute(query))


def _as_payslip(row: Any, lines: Sequence[payroll.Line]) -> Payslip:
    gross = sum(line.cents for line in lines if line.kind == "earning")
    deductions = sum(line.cents for line in lines if line.kind == "deduction")
    return Payslip(
        employee_id=row.employee_id,
        period=Period(row.year, row.month),
        pay_date=row.pay_date,
        lines=tuple(
            PayslipLine(payroll.LABELS[line.code], line.kind, euros(line.cents)) for line in lines
        ),
        gross=euros(gross),
        deductions=euros(deductions),
        net=euros(gross - deductions),
        paid_to=row.masked_iban,
    )


def _total(lines: Sequence[payroll.Line], *codes: str) -> Decimal:
    return euros(sum(line.cents for line in lines if line.code in codes))


def _which_months(periods: Sequence[Period]) -> str:
    if not periods:
        return "There is no payslip for you yet. The first one comes after your first pay day."
    first, last = words.month(periods[-1]), words.month(periods[0])
    return f"There is no payslip for that month. There are payslips from {first} to {last}."


def _which_years(periods: Sequence[Period]) -> str:
    years = [str(period.year) for period in periods if period.month == 12]
    if not years:
        return "There is no wage tax statement for you yet. It comes in January of the next year."
    known = words.listed(years, "and")
    return f"There is no wage tax statement for that year. There is one for {known}."
