"""Leave: what is left, what was taken, asking for it, and a manager's part in it.

A person's changes run one after another (see `store`), so two requests cannot both take the last
day. A manager must never see why someone is away except in a request that waits for a decision.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import checks, words, workdays
from actions.records.interface import Conflict, InvalidChange, RecordNotFound
from actions.records.leave_counts import (
    count_balance,
    entries,
    request_with,
    requests_where,
    standing,
)
from actions.records.leave_rules import check_span
from actions.records.model import (
    Holiday,
    LeaveBalance,
    LeaveEntry,
    LeavePreview,
    LeaveRequest,
    TeamLeave,
)
from actions.records.schema import employee, leave_request
from actions.records.store import Store, inserted, person, reading

LATEST_REQUESTS = 10
_NOT_FOR_CONTRACTORS = (
    "Contractors have no leave account. Please agree your absence with your contact here."
)


class Leave(Store):
    """The part of the system of record that knows leave."""

    def next_holiday(self, today: date) -> Holiday:
        return workdays.next_holiday(today)

    def leave_balance(self, employee_id: str, today: date) -> LeaveBalance:
        with reading(self._engine) as connection:
            return count_balance(connection, _entitled(connection, employee_id), today.year, today)

    def leave_taken(self, employee_id: str, year: int, today: date) -> tuple[LeaveEntry, ...]:
        wanted = checks.whole_number(year, 1, 9999)
        with reading(self._engine) as connection:
            _entitled(connection, employee_id)
            if wanted is None:
                return ()
            rows = standing(connection, employee_id)
        last = min(date(wanted, 12, 31), today)
        approved = (row for row in rows if row.status == "approved")
        return tuple(entries(approved, date(wanted, 1, 1), last))

    def leave_requests(self, employee_id: str) -> tuple[LeaveRequest, ...]:
        with reading(self._engine) as connection:
            _entitled(connection, employee_id)
            return requests_where(
                connection,
                leave_request.c.employee_id == employee_id,
                order=(leave_request.c.requested_at.desc(), leave_request.c.id.desc()),
            )[:LATEST_REQUESTS]

    def preview_leave(
        self, employee_id: str, kind: str, start: date, end: date, now: datetime
    ) -> LeavePreview:
        asked = _asked(kind, start, end, now.date())
        with reading(self._engine) as connection:
            return _allowed(connection, person(connection, employee_id), asked, now.date())

    def request_leave(
        self,
        employee_id: str,
        kind: str,
        start: date,
        end: date,
        request_key: str,
        now: datetime,
    ) -> LeaveRequest:
        values = {
            "kind": checks.leave_kind(kind),
            "start": checks.day(start, "start_date").isoformat(),
            "end": checks.day(end, "end_date").isoformat(),
        }

        def make(connection: Connection, row: Any) -> int:
            asked = _asked(kind, start, end, now.date())
            allowed = _allowed(connection, row, asked, now.date())
            moment = int(now.timestamp())
            return inserted(
                connection,
                leave_request,
                employee_id=employee_id,
                kind=allowed.kind,
                start_date=allowed.start,
                end_date=allowed.end,
                working_days=allowed.working_days,
                status="pending" if allowed.needs_approval else "approved",
                requested_at=moment,
                decided_at=None if allowed.needs_approval else moment,
            )

        result: LeaveRequest = self._change(
            "leave", employee_id, request_key, values, now, make, request_with
        )
        return result

    def withdraw_leave(
        self, employee_id: str, request_id: str, request_key: str, now: datetime
    ) -> LeaveRequest:
        number = _request_number(request_id)

        def make(connection: Connection, _row: Any) -> int:
            mine = (leave_request.c.id == number, leave_request.c.employee_id == employee_id)
            if connection.execute(sa.select(leave_request.c.id).where(*mine)).one_or_none() is None:
                raise RecordNotFound("You have no such leave request.")
            taken_back = connection.execute(
                leave_request.update()
                .where(*mine, leave_request.c.status == "pending")
                .values(status="declined", decided_at=int(now.timestamp()), decided_by=employee_id)
            )
            if taken_back.rowcount != 1:
                raise Conflict("That request was decided meanwhile. Please look at the list again.")
            return number

        result: LeaveRequest = self._change(
            "withdrawal",
            employee_id,
            request_key,
            {"request": str(number)},
            now,
            make,
            request_with,
        )
        return result

    def pending_requests_of_team(self, manager_id: str) -> tuple[LeaveRequest, ...]:
        with reading(self._engine) as connection:
            person(connection, manager_id)
            return requests_where(
                connection,
                employee.c.manager_id == manager_id,
                leave_request.c.status == "pending",
                order=(leave_request.c.start_date, leave_request.c.id),
            )

    def approve_leave(
        self, manager_id: str, request_id: str, request_key: str, now: datetime
    ) -> LeaveRequest:
        number = _request_number(request_id)

        def make(connection: Connection, _row: Any) -> int:
            _approve(connection, manager_id, number, int(now.timestamp()))
            return number

        result: LeaveRequest = self._change(
            "approval", manager_id, request_key, {"request": str(number)}, now, make, request_with
        )
        return result

    def team_leave(self, manager_id: str, start: date, end: date) -> tuple[TeamLeave, ...]:
        with reading(self._engine) as connection:
            person(connection, manager_id)
            found = requests_where(
                connection,
                employee.c.manager_id == manager_id,
                leave_request.c.status.in_(("pending", "approved")),
                leave_request.c.start_date <= end,
                leave_request.c.end_date >= start,
                order=(leave_request.c.start_date, employee.c.last_name),
            )
        return tuple(
            TeamLeave(one.employee_id, one.employee_name, one.start, one.end, one.status)
            for one in found
        )


def _asked(kind: object, start: object, end: object, today: date) -> LeavePreview:
    return check_span(
        checks.leave_kind(kind),
        checks.day(start, "start_date"),
        checks.day(end, "end_date"),
        today,
    )


def _allowed(connection: Connection, row: Any, asked: LeavePreview, today: date) -> LeavePreview:
    """The request with what is left after it; raises `InvalidChange` when it cannot be made."""
    if row.employment_type == "contractor":
        raise InvalidChange(_NOT_FOR_CONTRACTORS)
    for other in standing(connection, row.employee_id):
        if other.start_date <= asked.end and other.end_date >= asked.start:
            raise InvalidChange(
                f"You already have leave from {words.day(other.start_date)} to "
                f"{words.day(other.end_date)}. Please give dates that do not touch it.",
                field="start_date",
            )
    if asked.kind != "annual":
        return asked
    left = min(
        _left_in_year(connection, row, asked, year, today)
        for year in range(asked.start.year, asked.end.year + 1)
    )
    return replace(asked, available_after=left)


def _left_in_year(
    connection: Connection, row: Any, asked: LeavePreview, year: int, today: date
) -> int:
    balance = count_balance(connection, row, year, today)
    first, last = max(asked.start, date(year, 1, 1)), min(asked.end, date(year, 12, 31))
    days = workdays.working_days(first, last)
    if days > balance.available:
        raise InvalidChange(
            f"That is {words.working_days(days)} in {year}, and you have "
            f"{words.working_days(max(balance.available, 0))} left. "
            "Please give a shorter time, or ask HR about unpaid leave.",
            field="end_date",
        )
    return balance.available - days


def _entitled(connection: Connection, employee_id: str) -> Any:
    row = person(connection, employee_id)
    if row.employment_type == "contractor":
        raise RecordNotFound(_NOT_FOR_CONTRACTORS)
    return row


def _approve(connection: Connection, manager_id: str, number: int, moment: int) -> None:
    row = connection.execute(
        sa.select(leave_request.c.status)
        .join(employee, leave_request.c.employee_id == employee.c.employee_id)
        .where(leave_request.c.id == number, employee.c.manager_id == manager_id)
    ).one_or_none()
    if row is None:
        raise _no_such_request()
    decided = connection.execute(
        leave_request.update()
        .where(leave_request.c.id == number, leave_request.c.status == "pending")
        .values(status="approved", decided_at=moment, decided_by=manager_id)
    )
    if decided.rowcount != 1:
        raise Conflict("That request was already decided. Please look at the list again.")


def _request_number(request_id: object) -> int:
    match = re.fullmatch(r"L-([0-9]{6,9})", request_id) if isinstance(request_id, str) else None
    if not match:
        raise _no_such_request()
    return int(match[1])


def _no_such_request() -> RecordNotFound:
    return RecordNotFound("There is no such leave request in your team.")
