"""What must hold on SQLite and on PostgreSQL: round trips, races, hostile values.

The tests of this module share one database and therefore use different people.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from actions.records import schema
from actions.records.interface import Conflict, InvalidChange, RecordNotFound
from actions.records.seed import seed
from actions.records.sql import SqlRecords
from actions.records.store import changing, reading
from gatehouse.errors import GatehouseError, InvalidInput, Unavailable

from .conftest import NOW, TODAY

IBAN = "DE89370400440532013000"
MONDAY = date(2026, 12, 7)
HOSTILE = [
    "",
    " ",
    "x" * 100_000,
    "'; DROP TABLE hr_employee; --",
    "' OR '1'='1",
    "E-1001' UNION SELECT iban FROM hr_bank_account --",
    "\x00",
    "E-1001\x00",
    "a\x1b[31mb",
    "\u202eE-1001",
    "\ud800",
    "%s%s%n{0}${jndi:ldap://x}",
    "٣٤٥",
    None,
    10**40,
    -1,
    ["E-1001"],
    {"$ne": None},
]
READS: dict[str, Callable[[SqlRecords, object], object]] = {
    "employee": lambda records, value: records.employee(value),
    "find_people": lambda records, value: records.find_people(value),
    "is_manager_of": lambda records, value: records.is_manager_of(value, value),
    "team": lambda records, value: records.team(value),
    "address": lambda records, value: records.address(value),
    "salary": lambda records, value: records.salary(value, TODAY),
    "payslip_periods": lambda records, value: records.payslip_periods(value),
    "payslip": lambda records, value: records.payslip(value, 2026, 10),
    "payslip year": lambda records, value: records.payslip("E-1001", value, value),
    "tax_withholding": lambda records, value: records.tax_withholding(value, TODAY),
    "tax_form": lambda records, value: records.tax_form(value, 2025),
    "tax_form year": lambda records, value: records.tax_form("E-1001", value),
    "bank_account": lambda records, value: records.bank_account(value, TODAY),
    "leave_balance": lambda records, value: records.leave_balance(value, TODAY),
    "leave_taken": lambda records, value: records.leave_taken(value, 2026, TODAY),
    "leave_taken year": lambda records, value: records.leave_taken("E-1001", value, TODAY),
    "leave_requests": lambda records, value: records.leave_requests(value),
    "pending": lambda records, value: records.pending_requests_of_team(value),
    "team_leave": lambda records, value: records.team_leave(value, TODAY, TODAY),
    "health_cover": lambda records, value: records.health_cover(value, TODAY),
    "cases": lambda records, value: records.cases(value),
}
WRITES: dict[str, Callable[[SqlRecords, object], object]] = {
    "address": lambda records, value: records.change_address(
        "E-1001", value, value, value, "hostile-1", NOW
    ),
    "iban": lambda records, value: records.change_bank_account("E-1001", value, "hostile-1", NOW),
    "leave kind": lambda records, value: records.request_leave(
        "E-1001", value, MONDAY, MONDAY, "hostile-1", NOW
    ),
    "leave start": lambda records, value: records.request_leave(
        "E-1001", "annual", value, MONDAY, "hostile-1", NOW
    ),
    "leave end": lambda records, value: records.request_leave(
        "E-1001", "annual", MONDAY, value, "hostile-1", NOW
    ),
    "approval": lambda records, value: records.approve_leave("E-1002", value, "hostile-1", NOW),
    "approver": lambda records, value: records.approve_leave(value, "L-000080", "hostile-1", NOW),
    "plan": lambda records, value: records.request_health_plan_change(
        "E-1001", value, "hostile-1", NOW
    ),
    "case kind": lambda records, value: records.open_case(
        "E-1001", value, "a long enough text", "hostile-1", NOW
    ),
    "person": lambda records, value: records.open_case(
        value, "speak_to_person", "", "hostile-1", NOW
    ),
    "key": lambda records, value: records.open_case("E-1001", "speak_to_person", "", value, NOW),
}


def _rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count()).select_from(table)
            ).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def _at_once(*calls: Callable[[], object]) -> list[object]:
    """The results of calls that start at the same moment; an error counts as its result."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except GatehouseError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.parametrize("name", READS)
def test_hostile_questions(either: SqlRecords, name: str) -> None:
    """Whatever stands where an id, a name or a year belongs finds nothing."""
    for value in HOSTILE:
        try:
            found = READS[name](either, value)
        except RecordNotFound:
            continue
        assert not found


@pytest.mark.parametrize("name", WRITES)
def test_hostile_changes(either: SqlRecords, either_engine: Engine, name: str) -> None:
    """Whatever stands where a value belongs is refused in words and writes nothing."""
    before = _rows(either_engine)
    for value in HOSTILE:
        with pytest.raises((InvalidChange, RecordNotFound)) as caught:
            WRITES[name](either, value)
        assert "DROP" not in caught.value.message
        assert caught.value.message.endswith((".", "?"))
    assert before == _rows(either_engine)


def test_round_trip(either: SqlRecords) -> None:
    """Figures, dates and moments come back as they went in."""
    slip = either.payslip("E-1002", 2026, 10)
    assert slip.gross - slip.deductions == slip.net
    made = either.request_leave("E-1030", "special", MONDAY, MONDAY, "round-trip-1", NOW)
    assert (MONDAY, NOW, "pending") == (made.start, made.requested_at, made.status)
    account = either.change_bank_account("E-1030", IBAN, "round-trip-2", NOW)
    assert "DE•• … 3000" == account.masked_iban
    text = "Zwei Zeilen\nmit 👩‍💻 und Ωμέγα"
    case = either.open_case("E-1030", "security_incident", text, "round-trip-3", NOW)
    assert (case,) == either.cases("E-1030")


def test_same_request_at_once(either: SqlRecords) -> None:
    """Eight copies of one request at the same moment make one request."""
    results = _at_once(
        *[
            lambda: either.request_leave("E-1031", "annual", MONDAY, MONDAY, "race-same-1", NOW)
            for _ in range(8)
        ]
    )
    assert 1 == len(set(results))
    assert 1 == either.leave_balance("E-1031", TODAY).pending


def test_overlap_at_once(either: SqlRecords) -> None:
    """Of several requests for the same day at the same moment exactly one succeeds."""
    results = _at_once(
        *[
            lambda key=f"race-overlap-{number}": either.request_leave(
                "E-1028", "special", MONDAY, MONDAY, key, NOW
            )
            for number in range(6)
        ]
    )
    refused = [one for one in results if isinstance(one, InvalidChange)]
    assert (5, 1) == (len(refused), len(results) - len(refused))


def test_balance_at_once(either: SqlRecords) -> None:
    """Requests that each fit the balance, but not together, cannot all succeed."""
    left = either.leave_balance("E-1036", TODAY).available
    assert 8 <= left <= 15
    weeks = [MONDAY - timedelta(days=7), MONDAY, MONDAY + timedelta(days=7)]
    weeks.append(MONDAY + timedelta(days=14))
    results = _at_once(
        *[
            lambda start=start: either.request_leave(
                "E-1036", "annual", start, start + timedelta(days=4), f"race-{start}", NOW
            )
            for start in weeks
        ]
    )
    made = [one for one in results if not isinstance(one, GatehouseError)]
    assert all(isinstance(one, InvalidChange) for one in results if one not in made)
    assert len(made) < len(weeks)
    assert 0 <= either.leave_balance("E-1036", TODAY).available < 5


def test_one_key_for_two_people_at_once(either: SqlRecords) -> None:
    """A key that two people use at the same moment serves one of them."""
    results = _at_once(
        lambda: either.open_case("E-1037", "speak_to_person", "", "race-key-1", NOW),
        lambda: either.open_case("E-1038", "speak_to_person", "", "race-key-1", NOW),
    )
    assert 1 == sum(isinstance(one, Conflict) for one in results)
    assert 1 == len(either.cases("E-1037") + either.cases("E-1038"))


def test_approval_at_once(either: SqlRecords) -> None:
    """Of several approvals of one request at the same moment one succeeds."""
    waiting = either.pending_requests_of_team("E-1002")[0].request_id
    results = _at_once(
        *[
            lambda key=f"race-approve-{number}": either.approve_leave("E-1002", waiting, key, NOW)
            for number in range(4)
        ]
    )
    assert 3 == sum(isinstance(one, Conflict) for one in results)


def test_readers_cannot_write(either_engine: Engine) -> None:
    """Inside a question the database itself refuses to write, and afterwards it writes again."""
    with pytest.raises(Unavailable) as caught, reading(either_engine) as connection:
        connection.execute(schema.origin.insert().values(name="written by a reader"))
    assert isinstance(caught.value.__cause__, DBAPIError)
    with changing(either_engine) as connection:
        connection.execute(schema.origin.insert().values(name="written by a writer"))
    assert 2 == _rows(either_engine)["hr_origin"]


def test_failed_change_leaves_nothing(
    either: SqlRecords, either_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that breaks after its first write leaves no row behind."""

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    before = _rows(either_engine)
    monkeypatch.setattr("actions.records.store._remember", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        either.change_bank_account("E-1039", IBAN, "power-cut-1", NOW)
    assert before == _rows(either_engine)


def test_seed_refuses(either_engine: Engine) -> None:
    """A database with people is not seeded again."""
    before = _rows(either_engine)
    with pytest.raises(InvalidInput, match="already hold people"):
        seed(either_engine, TODAY)
    assert before == _rows(either_engine)
