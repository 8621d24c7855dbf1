"""The audit log: durable, chained, append-only, and silent about who."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gatehouse.audit import AuditLog, AuditTampered, AuditUnavailable, verify
from gatehouse.audit.clocksync import read_state
from gatehouse.audit.schema import entries
from gatehouse.clock import SettableClock
from tests.unit.audit.conftest import as_owner, fill, open_log


def test_entries_are_numbered_and_verify(log: AuditLog) -> None:
    """Entries are numbered from 1 without a gap and the whole log verifies."""
    fill(log)
    assert [1, 2, 3, 4, 5, 6] == [entry.sequence for entry in log.entries()]
    assert 6 == verify(log).entries


def test_people_and_conversations_are_pseudonyms(log: AuditLog) -> None:
    """Neither the person nor the conversation is written in clear, and the same one looks the same."""
    log.append("sign_in", person="p-0123456789ab", conversation="c0ffee")
    log.append("sign_out", person="p-0123456789ab")
    first, second = (json.loads(entry.body) for entry in log.entries())
    assert "p-0123456789ab" not in json.dumps(first)
    assert "c0ffee" not in json.dumps(first)
    assert first["person"] == second["person"]
    assert log.pseudonym("person", "p-0123456789ab") == first["person"]


@pytest.mark.parametrize("statement", ["UPDATE gh_audit SET body = '{}'", "DELETE FROM gh_audit"])
def test_table_is_append_only(log: AuditLog, statement: str) -> None:
    """The database itself refuses to change or delete an entry."""
    fill(log, 1)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), log.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert 1 == verify(log).entries


@pytest.mark.parametrize(
    ("attack", "position"),
    [
        ("UPDATE gh_audit SET body = replace(body, 'intent_2', 'intent_9') WHERE sequence = 3", 3),
        ("DELETE FROM gh_audit WHERE sequence = 3", 3),
        ("DELETE FROM gh_audit WHERE sequence = 1", 1),
        ("UPDATE gh_audit SET sequence = 60 WHERE sequence = 6", 6),
        (
            "INSERT INTO gh_audit SELECT 7, body, chain, node FROM gh_audit WHERE sequence = 2",
            7,
        ),
    ],
)
def test_attack_is_found_at_its_position(log: AuditLog, attack: str, position: int) -> None:
    """An entry changed, dropped, moved or inserted by the owner of the database is found."""
    fill(log)
    as_owner(log, attack)
    with pytest.raises(AuditTampered) as caught:
        verify(log)
    assert position == caught.value.sequence


def test_swapped_entries_are_found(log: AuditLog) -> None:
    """Two entries that change places, chain values included, are found."""
    fill(log)
    rows = [(entry.body, entry.chain) for entry in log.entries()]
    for sequence, (body, chain) in ((2, rows[2]), (3, rows[1])):
        as_owner(
            log,
            "UPDATE gh_audit SET body = :body, chain = :chain WHERE sequence = :sequence",
            body=body,
            chain=chain,
            sequence=sequence,
        )
    with pytest.raises(AuditTampered) as caught:
        verify(log)
    assert 2 == caught.value.sequence


def test_cut_tail_is_found_with_a_known_count(log: AuditLog) -> None:
    """A log whose last entries were cut off is refused when an earlier count is known."""
    fill(log)
    known = verify(log).entries
    as_owner(log, "DELETE FROM gh_audit WHERE sequence > 4")
    assert 4 == verify(log).entries
    with pytest.raises(AuditTampered) as caught:
        verify(log, at_least=known)
    assert 5 == caught.value.sequence


def test_an_entry_cannot_be_replaced_in_sqlite(tmp_path: Path) -> None:
    """`INSERT OR REPLACE`, which fires no trigger of DELETE, is refused as well."""
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    fill(log, 3)
    statement = "INSERT OR REPLACE INTO gh_audit VALUES (2, '{}', x'00', x'00')"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), log.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert 3 == verify(log).entries


def test_another_key_does_not_verify(log: AuditLog) -> None:
    """A log verified with a foreign key is refused at its first entry."""
    fill(log)
    foreign = AuditLog(log.engine, SettableClock(), bytes(32))
    with pytest.raises(AuditTampered) as caught:
        verify(foreign)
    assert 1 == caught.value.sequence


def test_concurrent_writers_keep_one_order(log: AuditLog) -> None:
    """Eight writers at once leave one unbroken chain with every entry in it."""
    threads = [threading.Thread(target=fill, args=(log, 5)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 40 == verify(log).entries


def test_unwritable_log_raises(tmp_path: Path) -> None:
    """When the entry cannot be written the caller learns it, so that the action does not happen."""
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    with log.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE gh_audit"))
    with pytest.raises(AuditUnavailable):
        log.append("decision")


def test_full_disk_raises_and_keeps_the_log_whole(tmp_path: Path) -> None:
    """A database that may not grow refuses the entry and stays verifiable."""
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    fill(log)
    with log.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    @sa.event.listens_for(log.engine, "begin")
    def _limit(connection: sa.engine.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    written = 6
    with pytest.raises(AuditUnavailable):
        for _ in range(1000):
            log.append("decision", reason="x" * 400)
            written += 1
    assert written == verify(log).entries


@pytest.mark.parametrize("facts", [{"reason": "x" * 501}, {"reason": float("nan")}])
def test_unfit_facts_are_refused(log: AuditLog, facts: dict[str, object]) -> None:
    """An oversized or unrepresentable fact is a mistake of the caller and is not written."""
    with pytest.raises(ValueError):
        log.append("decision", **facts)  # type: ignore[arg-type]
    assert [] == list(log.entries())


def test_unknown_kind_is_refused(log: AuditLog) -> None:
    """An entry of a kind that is not listed is not written."""
    with pytest.raises(ValueError):
        log.append("whatever")
    assert entries.name == "gh_audit"
    assert [] == list(log.entries())


@pytest.mark.parametrize(
    ("result", "status", "expected"),
    [
        (0, 0x2001, "synchronised"),
        (5, 0x40, "unsynchronised"),
        (0, 0x40, "unsynchronised"),
        (-1, 0, "unknown"),
    ],
)
def test_the_clock_is_told_as_the_kernel_knows_it(
    monkeypatch: pytest.MonkeyPatch, result: int, status: int, expected: str
) -> None:
    """What adjtimex(2) says is recorded; what it does not say is unknown, never good."""

    class Library:
        @staticmethod
        def adjtimex(buffer: Any) -> int:
            buffer._obj.status = status
            return result

    monkeypatch.setattr("gatehouse.audit.clocksync.ctypes.CDLL", lambda *_, **__: Library)
    monkeypatch.setattr("gatehouse.audit.clocksync.sys.platform", "linux")
    assert expected == read_state()
    monkeypatch.setattr("gatehouse.audit.clocksync.sys.platform", "darwin")
    assert "unknown" == read_state()


def test_every_entry_tells_its_clock(log: AuditLog) -> None:
    """Time in UTC, the state of the clock and the version are in each entry, whoever wrote it."""
    log.append("start")
    body = json.loads(log.entry(1).body)
    assert ("2027-01-15T08:00:00.000Z", 2) == (body["at"], body["version"])
    assert body["clock"] in ("synchronised", "unsynchronised", "unknown")
    with pytest.raises(ValueError, match="would hide"):
        log.append("start", clock="synchronised")
