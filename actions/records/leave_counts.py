"""Leave as the tables hold it, counted into balances and told as requests.

Balances are counted from the requests each time and never kept, so that they cannot drift apart.
Nothing here writes or decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import workdays
from actions.records.model import LeaveBalance, LeaveEntry, LeaveKind, LeaveRequest
from actions.records.schema import employee, leave_carry, leave_request
from gatehouse.clock import as_datetime


def count_balance(connection: Connection, row: Any, year: int, today: date) -> LeaveBalance:
    """Annual leave of a year for the person in `row` (of `store.person`), as of `today`."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    rows = [one for one in standing(connection, row.employee_id) if one.kind == "annual"]
    approved = [one for one in rows if one.status == "approved"]
    pending = [one for one in rows if one.status == "pending"]
    taken = days(approved, first, min(last, today))
    carried = connection.execute(
        sa.select(leave_carry.c.days).where(
            leave_carry.c.employee_id == row.employee_id, leave_carry.c.year == year
        )
    ).scalar_one_or_none()
    return LeaveBalance(
        employee_id=row.employee_id,
        year=year,
        entitlement=row.leave_entitlement,
        carried_over=carried or 0,
        taken=taken,
        planned=days(approved, first, last) - taken,
        pending=days(pending, first, last),
    )


def standing(connection: Connection, employee_id: str) -> list[Any]:
    """The person's requests that are not declined, by start."""
    query = (
        sa.select(leave_request)
        .where(leave_request.c.employee_id == employee_id, leave_request.c.status != "declined")
        .order_by(leave_request.c.start_date)
    )
    return list(connection.execute(query))


def days(rows: Iterable[Any], first: date, last: date) -> int:
    """Working days of the rows from `first` to `last`."""
    return sum(entry.working_days for entry in entries(rows, first, last))


def entries(rows: Iterable[Any], first: date, last: date) -> Iterator[LeaveEntry]:
    """The rows cut to `first` to `last`, without those that have no working day in it."""
    for row in rows:
        start, end = max(row.start_date, first), min(row.end_date, last)
        length = workdays.working_days(start, end)
        if length:
            kind: LeaveKind = row.kind
            yield LeaveEntry(kind, start, end, length)


def request_with(connection: Connection, number: int) -> LeaveRequest:
    """The request with this row number."""
    return requests_where(connection, leave_request.c.id == number, order=(leave_request.c.id,))[0]


def requests_where(
    connection: Connection, *conditions: Any, order: tuple[Any, ...]
) -> tuple[LeaveRequest, ...]:
    """Requests that meet all `conditions` on `leave_request` and `employee`, in `order`."""
    decider = employee.alias()
    query = (
        sa.select(
            leave_request,
            employee.c.first_name,
            employee.c.last_name,
            decider.c.first_name.label("df"),
            decider.c.last_name.label("dl"),
        )
        .join(employee, leave_request.c.employee_id == employee.c.employee_id)
        .outerjoin(decider, leave_request.c.decided_by == decider.c.employee_id)
        .where(*conditions)
        .order_by(*order)
    )
    return tuple(_as_request(row) for row in connection.execute(query))


def _as_request(row: Any) -> LeaveRequest:
    return LeaveRequest(
        request_id=f"L-{row.id:06d}",
        employee_id=row.employee_id,
        employee_name=f"{row.first_name} {row.last_name}",
        kind=row.kind,
        start=row.start_date,
        end=row.end_date,
        working_days=row.working_days,
        # A request that its own person declined was taken back.
        status="withdrawn" if row.decided_by == row.employee_id else row.status,
        requested_at=as_datetime(row.requested_at),
        decided_at=None if row.decided_at is None else as_datetime(row.decided_at),
        decided_by=f"{row.df} {row.dl}" if row.decided_by else None,
    )
