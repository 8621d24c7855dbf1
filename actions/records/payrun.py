"""A month's pay run of the demo: writes the payslips that `pay` tells.

It pays each month once, with the salary, plan and account that were in effect on the pay day. It
must never run on records that are not a demo's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import payroll, schema, workdays
from actions.records.iban import mask_iban
from actions.records.model import Period
from actions.records.pay import as_tax_profile
from actions.records.store import in_effect, inserted

BONUS_MONTH = 12
_SHIFT_BAND = "B1"
_SHIFT_RATE = 3  # percent of the monthly salary per week with night shifts


def missing_months(connection: Connection, first: date, today: date) -> list[Period]:
    """The months from `first` up to the one before `today`'s that have no payslip, oldest first."""
    paid = {
        (row.year, row.month)
        for row in connection.execute(
            sa.select(schema.payslip.c.year, schema.payslip.c.month).distinct()
        )
    }
    return [period for period in _months(first, today) if period not in paid]


def pay_month(connection: Connection, period: Period) -> None:
    """Write everybody's payslip of a month; contractors and later starters have none."""
    pay_day = workdays.pay_date(*period)
    people = connection.execute(
        sa.select(schema.employee.c.employee_id, schema.tax_profile)
        .join(schema.tax_profile)
        .where(schema.employee.c.started_on <= pay_day)
        .order_by(schema.employee.c.employee_id)
    ).all()
    for row in people:
        _pay_person(connection, row, period, pay_day)


def _pay_person(connection: Connection, taxes: Any, period: Period, pay_day: date) -> None:
    salary, account, cover = (
        connection.execute(in_effect(table, column, taxes.employee_id, pay_day)).one()
        for table, column in (
            (schema.salary, "since"),
            (schema.bank_account, "effective_from"),
            (schema.health_enrolment, "since"),
        )
    )
    plan = connection.execute(
        sa.select(schema.health_plan).where(schema.health_plan.c.code == cover.plan)
    ).one()
    lines = payroll.month_lines(
        salary.monthly_cents,
        tuple(_extras(salary, taxes.employee_id, period)),
        as_tax_profile(taxes),
        plan.monthly_cents,
    )
    _write(connection, taxes.employee_id, period, pay_day, mask_iban(account.iban), lines)


def _write(
    connection: Connection,
    employee_id: str,
    period: Period,
    pay_day: date,
    masked_iban: str,
    lines: Sequence[payroll.Line],
) -> None:
    payslip_id = inserted(
        connection,
        schema.payslip,
        employee_id=employee_id,
        year=period.year,
        month=period.month,
        pay_date=pay_day,
        masked_iban=masked_iban,
    )
    rows = [
        {
            "payslip_id": payslip_id,
            "position": position,
            "code": line.code,
            "kind": line.kind,
            "cents": line.cents,
        }
        for position, line in enumerate(lines)
    ]
    connection.execute(schema.payslip_line.insert(), rows)


def _extras(salary: Any, employee_id: str, period: Period) -> Iterator[tuple[str, int]]:
    """Half a salary at year's end; for operatives, up to two weeks of night shifts a month."""
    weeks = (int(employee_id[2:]) + period.month) % 3
    if salary.band == _SHIFT_BAND and weeks:
        yield "shift", salary.monthly_cents * weeks * _SHIFT_RATE // 100
    if period.month == BONUS_MONTH:
        yield "bonus", salary.monthly_cents // 2


def _months(first: date, today: date) -> Iterator[Period]:
    day = first.replace(day=1)
    this_month = today.replace(day=1)
    while day < this_month:
        yield Period(day.year, day.month)
        day = (day + timedelta(days=31)).replace(day=1)
