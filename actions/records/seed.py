"""Fills an empty database with the demo organisation, the same each time for the same day.

Everything is counted back or ahead from the day that is given, so that a demo started today has a
payslip for last month and leave requests that still wait. It must never touch a database that
already holds people: those may be somebody's real records.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from actions.records import organisation, schema
from actions.records.iban import make_iban
from actions.records.organisation import MEMBERS, Member
from actions.records.payrun import missing_months, pay_month
from actions.records.seed_leave import add_leave
from actions.records.store import changing, reading
from gatehouse.errors import InvalidInput, Unavailable

__all__ = ["DEMO_ORIGIN", "bring_up_to_date", "has_people", "is_demo", "seed"]

DEMO_ORIGIN = "demo"
LEAVE_ENTITLEMENT = 30


def seed(engine: Engine, today: date) -> None:
    """Create the tables and the demo organisation as it stands on `today`, in one transaction.

    Raises `InvalidInput` when the database already holds people and `Unavailable` when it does not
    answer or two seeders meet; nothing is written then.
    """
    if has_people(engine):
        raise _refused()
    with changing(engine) as connection:
        if _count(connection, schema.employee):
            raise _refused()
        connection.execute(schema.origin.insert().values(name=DEMO_ORIGIN))
        _add_tables(connection)
        for member in _leaders_first():
            _add_member(connection, member, today)
        add_leave(connection, today)
        _run_payroll(connection, today)


def bring_up_to_date(engine: Engine, today: date) -> int:
    """Write the payslips of the demo's months that ended since; the number of months.

    Raises `InvalidInput` for a database that is not a demo.
    """
    if not is_demo(engine):
        raise InvalidInput("these records are not the demo's, so no payslips are made up for them")
    with changing(engine) as connection:
        return _run_payroll(connection, today)


def has_people(engine: Engine) -> bool:
    """Whether the records hold anybody; creates missing tables."""
    _create_tables(engine)
    with reading(engine) as connection:
        return _count(connection, schema.employee) > 0


def is_demo(engine: Engine) -> bool:
    """Whether the records were made up by `seed`; creates missing tables."""
    _create_tables(engine)
    with reading(engine) as connection:
        return _count(connection, schema.origin) > 0


def _create_tables(engine: Engine) -> None:
    try:
        schema.metadata.create_all(engine)
    except SQLAlchemyError as error:
        raise Unavailable("the system of record does not answer") from error


def _refused() -> InvalidInput:
    return InvalidInput(
        "the records already hold people, so the demo organisation was not added",
        "name an empty database in records.url",
    )


def _count(connection: Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _leaders_first() -> Iterator[Member]:
    """Everybody after the person they report to, as the foreign key wants it."""
    waiting = list(MEMBERS)
    done: set[int | None] = {None}
    while waiting:
        ready = [member for member in waiting if member.manager in done]
        yield from ready
        done |= {member.number for member in ready}
        waiting = [member for member in waiting if member.number not in done]


def _add_tables(connection: Connection) -> None:
    for code, title, low, high in organisation.BANDS:
        connection.execute(
            schema.salary_band.insert().values(
                code=code, title=title, minimum_cents=low * 100, maximum_cents=high * 100
            )
        )
    for code, name, summary, cost in organisation.PLANS:
        connection.execute(
            schema.health_plan.insert().values(
                code=code, name=name, summary=summary, monthly_cents=cost * 100
            )
        )


def _add_member(connection: Connection, member: Member, today: date) -> None:
    started = months_before(today, member.months)
    connection.execute(
        schema.employee.insert().values(
            employee_id=member.employee_id,
            first_name=member.first_name,
            last_name=member.last_name,
            job_title=member.job_title,
            department=member.department,
            location=organisation.LOCATION,
            employment_type="contractor" if member.is_contractor else "employee",
            email=f"{_mail_name(member)}@{organisation.MAIL_DOMAIN}",
            phone=f"+49 30 5555 {member.number}",
            started_on=started,
            leave_entitlement=0 if member.is_contractor else LEAVE_ENTITLEMENT,
            manager_id=f"E-{member.manager}" if member.manager else None,
        )
    )
    street, postcode, city = organisation.STREETS[_pick(member, "street", 8)]
    connection.execute(
        schema.address.insert().values(
            employee_id=member.employee_id,
            street=f"{street} {1 + _pick(member, 'house', 90)}",
            postcode=postcode,
            city=city,
            since=started,
        )
    )
    if not member.is_contractor:
        _add_payroll(connection, member, started, today)


def _add_payroll(connection: Connection, member: Member, started: date, today: date) -> None:
    tax_class, half_allowances, *church = member.taxes.split()
    connection.execute(
        schema.tax_profile.insert().values(
            employee_id=member.employee_id,
            tax_class=tax_class,
            half_child_allowances=int(half_allowances),
            church_tax=bool(church),
        )
    )
    for since, monthly_cents in _salaries(member, started, today):
        connection.execute(
            schema.salary.insert().values(
                employee_id=member.employee_id,
                since=since,
                monthly_cents=monthly_cents,
                band=member.band,
            )
        )
    connection.execute(
        schema.bank_account.insert().values(
            employee_id=member.employee_id,
            iban=demo_iban(member),
            effective_from=started,
            changed_at=int(datetime.combine(started, time(8), UTC).timestamp()),
        )
    )
    connection.execute(
        schema.health_enrolment.insert().values(
            employee_id=member.employee_id, plan=member.plan, since=started
        )
    )


def _salaries(member: Member, started: date, today: date) -> Iterator[tuple[date, int]]:
    """The present pay, and what was paid before the rise of last April."""
    monthly_cents = member.annual * 100 // 12
    april = date(today.year if today.month >= 4 else today.year - 1, 4, 1)
    if started < april:
        yield started, monthly_cents * 97 // 100
        yield april, monthly_cents
    else:
        yield started, monthly_cents


def _run_payroll(connection: Connection, today: date) -> int:
    months = missing_months(connection, date(today.year - 1, 1, 1), today)
    for period in months:
        pay_month(connection, period)
    return len(months)


def demo_iban(member: Member) -> str:
    """A number with right check digits at bank code 00000000, which no bank can have."""
    return make_iban("DE", f"00000000{_pick(member, 'account', 10**10):010d}")


def months_before(today: date, months: int) -> date:
    """The first day of the month that lies `months` before that of `today`."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _mail_name(member: Member) -> str:
    name = f"{member.first_name}.{member.last_name}".replace(" ", "").lower()
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def _pick(member: Member, topic: str, choices: int) -> int:
    """A number below `choices` that is always the same for a person and topic."""
    digest = hashlib.sha256(f"{member.employee_id} {topic}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % choices
