"""The demo's leave: last year's and this year's holidays, some sick days, requests that wait.

Blocks are placed in order of importance and one that would touch an earlier block is left out, so
that the rules which requests have to keep to also hold for the data at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.engine import Connection

from actions.records import schema, workdays
from actions.records.model import LeaveKind, LeaveStatus
from actions.records.organisation import MEMBERS, Member

PENDING = {1013: (28, 5), 1014: (42, 3), 1022: (35, 5), 1034: (49, 2)}
"""Requests that wait: number of the person, days from today to the week, working week days."""
PRESENT = (1001, 1002, 1003, 1005)
"""Demo accounts: they are at work on the first day, as they are about to sign in."""
_PLANNED_AHEAD = 63
_MOST_CARRIED = 5


@dataclass(frozen=True, slots=True)
class Block:
    """Leave from `start` to `end` as it will be stored."""

    kind: LeaveKind
    start: date
    end: date
    status: LeaveStatus = "approved"

    def touches(self, start: date, end: date) -> bool:
        """Whether any day lies in both."""
        return self.start <= end and self.end >= start


def add_leave(connection: Connection, today: date) -> None:
    """Write the leave of everybody and what was carried over to this year."""
    for member in MEMBERS:
        if member.is_contractor:
            continue
        connection.execute(
            schema.leave_carry.insert().values(
                employee_id=member.employee_id,
                year=today.year,
                days=member.number % (_MOST_CARRIED + 1) if member.months > 24 else 0,
            )
        )
        for block in sorted(_blocks(member, today), key=lambda block: block.start):
            _add(connection, member, block, today)


def _blocks(member: Member, today: date) -> list[Block]:
    placed: list[Block] = []
    for block in _wishes(member, today):
        free = not any(block.touches(other.start, other.end) for other in placed)
        at_desk = member.number in PRESENT and block.touches(today, today)
        if free and not at_desk and workdays.working_days(block.start, block.end):
            placed.append(block)
    return placed


def _wishes(member: Member, today: date) -> Iterator[Block]:
    """Blocks a person would have, the most important first."""
    if member.number in PENDING:
        ahead, days = PENDING[member.number]
        yield _week(monday(today + timedelta(days=ahead)), days, status="pending")
    if member.number % 3 == 2:  # includes Erin Walsh
        yield _week(monday(today + timedelta(days=_PLANNED_AHEAD)), 5)
    if member.number % 4 == 1:  # includes Erin Walsh
        start = monday(today - timedelta(days=90 + member.number % 11))
        yield Block("sick", start, start + timedelta(days=1))
    if member.months > 24:
        for year in (today.year, today.year - 1):
            yield from _year_of(member, year)


def _year_of(member: Member, year: int) -> Iterator[Block]:
    """A week in spring, two in summer, one in autumn, at the person's own time."""
    yield _week(date.fromisocalendar(year, 5 + member.number % 8, 1), 5)
    yield _week(date.fromisocalendar(year, 26 + member.number % 9, 1), 12)
    yield _week(date.fromisocalendar(year, 40 + member.number % 6, 1), 5)


def _week(start: date, days: int, *, status: LeaveStatus = "approved") -> Block:
    return Block("annual", start, start + timedelta(days=days - 1), status)


def monday(day: date) -> date:
    """The first Monday on or after `day`."""
    return day + timedelta(days=-day.weekday() % 7)


def _add(connection: Connection, member: Member, block: Block, today: date) -> None:
    asked = _moment(min(block.start, today) - timedelta(days=6))
    decided = None if block.status == "pending" else asked + 86_400
    approver = member.manager
    if block.kind == "sick":  # recorded on the day, needs no approval
        asked = decided = _moment(block.start)
        approver = None
    connection.execute(
        schema.leave_request.insert().values(
            employee_id=member.employee_id,
            kind=block.kind,
            start_date=block.start,
            end_date=block.end,
            working_days=workdays.working_days(block.start, block.end),
            status=block.status,
            requested_at=asked,
            decided_at=decided,
            decided_by=f"E-{approver}" if decided and approver else None,
        )
    )


def _moment(day: date) -> int:
    """Nine in the morning UTC of a day, in seconds since the epoch."""
    return int(datetime.combine(day, time(9), UTC).timestamp())
