"""Leave: balances, requests and every rule they have to keep to, approval."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from actions.records import schema
from actions.records.interface import Conflict, InvalidChange, RecordNotFound
from actions.records.leave_rules import RULES
from actions.records.model import LEAVE_KINDS, LeaveEntry, LeavePreview
from actions.records.sql import SqlRecords

from .conftest import NOW, TODAY

ERIN, MARCO = "E-1001", "E-1002"
MONDAY = date(2026, 12, 7)
FRIDAY = date(2026, 12, 11)


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(schema.leave_request)
        return int(connection.execute(query).scalar_one())


def test_balance_and_taken_agree(records: SqlRecords) -> None:
    """The days taken in the balance are those of the annual leave that is listed."""
    balance = records.leave_balance(ERIN, TODAY)
    taken = records.leave_taken(ERIN, 2026, TODAY)
    annual = sum(entry.working_days for entry in taken if entry.kind == "annual")
    assert (30, 5, annual, 0, 0) == (
        balance.entitlement,
        balance.carried_over,
        balance.taken,
        balance.planned,
        balance.pending,
    )
    assert (20, 15) == (annual, balance.available)
    assert ["annual", "annual", "sick", "annual"] == [entry.kind for entry in taken]


def test_balance_in_the_middle_of_leave(records: SqlRecords) -> None:
    """On the third day of a leave three days are taken and the rest is planned."""
    wednesday = date(2026, 2, 4)
    balance = records.leave_balance(ERIN, wednesday)
    assert (3, 17) == (balance.taken, balance.planned)
    last = records.leave_taken(ERIN, 2026, wednesday)[-1]
    assert LeaveEntry("annual", date(2026, 2, 2), wednesday, 3) == last


def test_taken_before_and_after(records: SqlRecords) -> None:
    """A year ahead or before the records has no leave taken."""
    for year in (2027, 1999, 0, 10**30):
        assert () == records.leave_taken(ERIN, year, TODAY)


def test_request_waits(records: SqlRecords) -> None:
    """A request is pending, counts against the balance and comes first in the list."""
    made = records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", NOW)
    assert ("pending", 5, "Erin Walsh") == (made.status, made.working_days, made.employee_name)
    assert NOW == made.requested_at
    assert (None, None) == (made.decided_at, made.decided_by)
    assert made == records.leave_requests(ERIN)[0]
    assert made in records.pending_requests_of_team(MARCO)
    balance = records.leave_balance(ERIN, TODAY)
    assert (5, 10) == (balance.pending, balance.available)


def test_preview_changes_nothing(records: SqlRecords, engine: Engine) -> None:
    """A preview tells cost and rest and writes nothing."""
    before = _count(engine)
    expected = LeavePreview("annual", MONDAY, FRIDAY, 5, 10, True)
    assert expected == records.preview_leave(ERIN, "annual", MONDAY, FRIDAY, NOW)
    assert before == _count(engine)


def test_sick_leave_is_recorded(records: SqlRecords) -> None:
    """Sick leave may have begun, needs no approval and costs no annual leave."""
    start = TODAY - timedelta(days=3)
    made = records.request_leave(ERIN, "sick leave", start, TODAY, "request-1", NOW)
    assert ("approved", NOW, None) == (made.status, made.decided_at, made.decided_by)
    assert made not in records.pending_requests_of_team(MARCO)
    assert 15 == records.leave_balance(ERIN, TODAY).available


def test_holidays_and_weekends_are_free(records: SqlRecords) -> None:
    """Leave over Christmas costs only the working days in it, in each year."""
    made = records.preview_leave(ERIN, "annual", date(2026, 12, 21), date(2027, 1, 3), NOW)
    assert (8, 7) == (made.working_days, made.available_after)


@pytest.mark.parametrize(
    ("kind", "start", "end", "field", "reason"),
    [
        ("annual", FRIDAY, MONDAY, "end_date", "before the first day"),
        ("annual", date(2026, 11, 20), FRIDAY, "start_date", "23 November 2026 at the earliest"),
        ("annual", date(2029, 1, 8), date(2029, 1, 9), "start_date", "22 November 2028 at the l"),
        ("annual", date.max, date.max, "start_date", "at the latest"),
        ("annual", date.min, date.max, "start_date", "at the earliest"),
        ("annual", MONDAY, date.max, "end_date", "42 days at most"),
        ("annual", MONDAY, date(2027, 1, 18), "end_date", "42 days at most"),
        ("annual", date(2026, 12, 12), date(2026, 12, 13), "start_date", "have them off anyway"),
        ("annual", date(2026, 12, 25), date(2026, 12, 27), "start_date", "have them off anyway"),
        ("annual", date(2026, 12, 7), date(2026, 12, 31), "end_date", "18 working days in 2026"),
        ("annual", date(2027, 1, 28), date(2027, 2, 2), "start_date", "25 January 2027 to 29"),
        ("sick", TODAY - timedelta(days=8), TODAY, "start_date", "at the earliest"),
        ("sick", TODAY + timedelta(days=15), FRIDAY, "start_date", "at the latest"),
        ("sick", TODAY, TODAY + timedelta(days=42), "end_date", "by phone"),
        ("special", MONDAY, date(2026, 12, 14), "end_date", "5 working days at most"),
        ("special", MONDAY, date(2026, 12, 21), "end_date", "14 days at most"),
        ("parental", MONDAY, FRIDAY, "start_date", "11 January 2027 at the earliest"),
        ("unpaid", date(2026, 12, 1), date(2026, 12, 4), "start_date", "7 December 2026"),
        ("unpaid", MONDAY, date(2027, 1, 6), "end_date", "30 days at most"),
        ("sabbatical", MONDAY, FRIDAY, "leave_kind", "annual, sick, special, parental or unpaid"),
        ("", MONDAY, FRIDAY, "leave_kind", "Which kind"),
        ("annual", NOW, FRIDAY, "start_date", "first day of your leave as a date"),
        ("annual", MONDAY, "tomorrow", "end_date", "last day of your leave as a date"),
        ("annual", None, None, "start_date", "first day of your leave as a date"),
    ],
)
def test_rules(
    records: SqlRecords, engine: Engine, kind: str, start: date, end: date, field: str, reason: str
) -> None:
    """A request against a rule is refused with the value to give again, and nothing is written."""
    before = _count(engine)
    for ask in (
        lambda: records.preview_leave(ERIN, kind, start, end, NOW),
        lambda: records.request_leave(ERIN, kind, start, end, "request-1", NOW),
    ):
        with pytest.raises(InvalidChange, match=reason) as caught:
            ask()
        assert field == caught.value.field
    assert before == _count(engine)


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("annual", TODAY, TODAY),
        ("annual", date(2026, 12, 7), date(2026, 12, 23)),
        ("Vacation", MONDAY, FRIDAY),
        ("sick", TODAY - timedelta(days=7), TODAY + timedelta(days=34)),
        ("special", MONDAY, FRIDAY),
        ("parental", date(2027, 2, 1), date(2030, 1, 31)),
        ("unpaid", MONDAY, date(2027, 1, 5)),
    ],
)
def test_limits_themselves_are_allowed(
    records: SqlRecords, kind: str, start: date, end: date
) -> None:
    """The first and last allowed day and the longest allowed time pass."""
    assert start == records.request_leave(ERIN, kind, start, end, "request-1", NOW).start


def test_last_day_of_the_balance(records: SqlRecords) -> None:
    """Exactly what is left can be taken, one day more cannot."""
    assert 15 == records.leave_balance(ERIN, TODAY).available
    end = date(2026, 12, 18)  # 15 working days
    assert 0 == records.preview_leave(ERIN, "annual", date(2026, 11, 30), end, NOW).available_after
    with pytest.raises(InvalidChange, match="16 working days in 2026, and you have 15"):
        records.preview_leave(ERIN, "annual", date(2026, 11, 27), end, NOW)


def test_every_kind_has_a_rule() -> None:
    """No kind of leave is without limits."""
    assert set(LEAVE_KINDS) == set(RULES)


def test_contractors_ask_elsewhere(records: SqlRecords) -> None:
    """A contractor cannot ask for leave."""
    with pytest.raises(InvalidChange, match="Contractors"):
        records.request_leave("E-1004", "annual", MONDAY, FRIDAY, "request-1", NOW)


def test_overlap_with_a_pending_request(records: SqlRecords) -> None:
    """Two requests cannot share a day, whatever their kind; neighbours can."""
    records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", NOW)
    with pytest.raises(InvalidChange, match="7 December 2026 to 11 December 2026"):
        records.request_leave(ERIN, "special", FRIDAY, FRIDAY, "request-2", NOW)
    records.request_leave(ERIN, "annual", date(2026, 12, 14), date(2026, 12, 14), "request-3", NOW)
    assert 6 == records.leave_balance(ERIN, TODAY).pending


def test_declined_leave_is_free_again(records: SqlRecords, engine: Engine) -> None:
    """A declined request neither blocks its days nor costs any."""
    records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", NOW)
    with engine.begin() as connection:
        table = schema.leave_request
        connection.execute(
            table.update()
            .where(table.c.employee_id == ERIN, table.c.status == "pending")
            .values(status="declined")
        )
    assert 15 == records.leave_balance(ERIN, TODAY).available
    assert "declined" == records.leave_requests(ERIN)[0].status
    assert 5 == records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "r-second", NOW).working_days


def test_request_once_per_key(records: SqlRecords, engine: Engine) -> None:
    """The same request again, even much later, is the same request; other values are refused."""
    before = _count(engine)
    first = records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", NOW)
    later = NOW + timedelta(days=90)
    assert first == records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", later)
    with pytest.raises(Conflict):
        records.request_leave(ERIN, "unpaid", MONDAY, FRIDAY, "request-1", NOW)
    assert before + 1 == _count(engine)


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "a b c d e f", "request\x00", None, 7])
def test_bad_keys(records: SqlRecords, engine: Engine, key: str) -> None:
    """A request without a usable key is refused."""
    before = _count(engine)
    with pytest.raises(InvalidChange, match="start it again"):
        records.request_leave(ERIN, "annual", MONDAY, FRIDAY, key, NOW)
    assert before == _count(engine)


def test_approval(records: SqlRecords) -> None:
    """An approved request names who decided and when, and leaves the list of what waits."""
    waiting = records.pending_requests_of_team(MARCO)[0]
    done = records.approve_leave(MARCO, waiting.request_id, "approval-1", NOW)
    assert ("approved", NOW, "Marco Silva") == (done.status, done.decided_at, done.decided_by)
    assert waiting.request_id not in {
        one.request_id for one in records.pending_requests_of_team(MARCO)
    }
    assert done == records.approve_leave(MARCO, waiting.request_id, "approval-1", NOW)
    with pytest.raises(Conflict, match="already decided"):
        records.approve_leave(MARCO, waiting.request_id, "approval-2", NOW)


@pytest.mark.parametrize("leader", ["E-1001", "E-1007", "E-1003", "E-1013", "E-9999", ""])
def test_only_the_own_manager_approves(records: SqlRecords, leader: str) -> None:
    """A colleague, a manager higher up, HR and the person cannot approve; nobody learns more."""
    waiting = records.pending_requests_of_team(MARCO)
    with pytest.raises(RecordNotFound):
        records.approve_leave(leader, waiting[0].request_id, "approval-1", NOW)
    assert waiting == records.pending_requests_of_team(MARCO)


@pytest.mark.parametrize(
    "request_id", ["L-999999", "L-1", "L-0000801", "1", "", "L-000080 OR 1=1", None, "L-٠٠٠٠٨٠"]
)
def test_unknown_request(records: SqlRecords, request_id: str) -> None:
    """An unknown request sounds the same as one of another team."""
    other = records.pending_requests_of_team("E-1010")[0].request_id
    with pytest.raises(RecordNotFound) as unknown:
        records.approve_leave(MARCO, request_id, "approval-1", NOW)
    with pytest.raises(RecordNotFound) as foreign:
        records.approve_leave(MARCO, other, "approval-2", NOW)
    assert foreign.value.message == unknown.value.message


def test_team_leave(records: SqlRecords) -> None:
    """A manager sees when direct reports are away, without the reason."""
    made = records.request_leave(ERIN, "sick", TODAY, TODAY, "request-1", NOW)
    away = records.team_leave(MARCO, TODAY, TODAY + timedelta(days=30))
    assert (ERIN, "Erin Walsh", TODAY, TODAY, "approved") == (
        away[0].employee_id,
        away[0].employee_name,
        away[0].start,
        away[0].end,
        away[0].status,
    )
    assert not hasattr(away[0], "kind")
    assert "sick" == made.kind
    assert all(one.end >= TODAY for one in away)
    assert () == records.team_leave(ERIN, TODAY, TODAY + timedelta(days=365))


def test_moments_are_utc(records: SqlRecords) -> None:
    """Moments come back aware and equal to what was given in local time."""
    made = records.request_leave(ERIN, "annual", MONDAY, FRIDAY, "request-1", NOW)
    assert isinstance(made.requested_at, datetime)
    assert timedelta(0) == made.requested_at.utcoffset()
    assert NOW == made.requested_at
