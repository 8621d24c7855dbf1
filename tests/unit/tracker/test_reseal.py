"""Sealing conversations anew under another suite while people go on talking."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from rasa.shared.core.events import SlotSet, UserUttered
from sqlalchemy.engine import Connection

from gatehouse.keys.envelope import is_current, write_with
from gatehouse.tracker.records import open_all, open_head
from gatehouse.tracker.reseal import Resealing
from gatehouse.tracker.schema import conversations, records, snapshots
from gatehouse.tracker.window import Needs

from .conftest import TTL, Deployment

NEEDS = Needs(states=3, visible=4)


@pytest.fixture(autouse=True)
def _usual_suite_afterwards() -> Iterator[None]:
    yield
    write_with("aes256gcm")


def _nothing(_connection: Connection, _key: bytes) -> None:
    pass


def _resealing(deployment: Deployment) -> Resealing:
    return Resealing(deployment.engine, deployment.ring, deployment.clock, _nothing)


def _talk(deployment: Deployment, name: str, turns: int = 3) -> None:
    for turn in range(turns):
        deployment.turn(name, UserUttered(f"{name} {turn}"), SlotSet("leave_kind", f"{turn}"))


def _all_current(deployment: Deployment) -> bool:
    rows = deployment.rows(conversations)
    sealed = [bytes(row.head) for row in rows] + [bytes(row.name) for row in rows if row.name]
    sealed += [bytes(row.envelope) for row in deployment.rows(records)]
    sealed += [bytes(row.envelope) for row in deployment.rows(snapshots)]
    return all(map(is_current, sealed))


def test_everything_moves_and_nothing_changes(deployment: Deployment) -> None:
    """All envelopes are of the new suite, all events as they were, and talk goes on."""
    for name in ("a", "b", "c"):
        _talk(deployment, name)
    before = {name: deployment.events(name) for name in ("a", "b", "c")}
    write_with("chacha20poly1305")
    resealing = _resealing(deployment)
    assert resealing.outstanding() == 3
    assert list(resealing.run()) == [True] * 3
    assert resealing.outstanding() == 0
    assert _all_current(deployment)
    assert before == {name: deployment.events(name) for name in before}
    _talk(deployment, "a")
    deployment.restart()
    assert len(deployment.events("a") or []) > len(before["a"] or [])
    assert deployment.audit.entries == []


def test_the_snapshot_of_a_long_conversation_moves_with_it(local: Deployment) -> None:
    """A conversation whose beginning is folded reads the same, and its window goes on moving."""
    local.store.needs = NEEDS
    _talk(local, "a", 40)
    assert len(local.rows(snapshots)) == 1
    before = local.events("a")
    write_with("chacha20poly1305")
    assert list(_resealing(local).run()) == [True]
    assert _all_current(local)
    assert before == local.events("a")
    _talk(local, "a", 20)
    local.restart()
    said = [e["text"] for e in local.events("a") or [] if e["event"] == "user"]
    assert said == [f"a {turn}" for turn in (*range(40), *range(20))]


def test_what_was_cut_off_is_finished_by_the_next_run(local: Deployment) -> None:
    """Stopped after one conversation, the next run takes only the others."""
    for name in ("a", "b", "c"):
        _talk(local, name, 1)
    write_with("chacha20poly1305")
    assert next(_resealing(local).run())
    assert _resealing(local).outstanding() == 2
    assert list(_resealing(local).run()) == [True, True]


def test_a_turn_written_under_the_new_suite_hides_no_old_record(local: Deployment) -> None:
    """A conversation with a current head but older records is still taken."""
    _talk(local, "a")
    write_with("chacha20poly1305")
    _talk(local, "a", 1)
    assert _resealing(local).outstanding() == 1
    assert list(_resealing(local).run()) == [True]
    assert _all_current(local)


def test_turns_during_resealing_are_neither_lost_nor_refused(deployment: Deployment) -> None:
    """People go on talking while their conversations are sealed anew, back and forth."""
    deployment.store.needs = NEEDS
    for name in ("a", "b"):
        _talk(deployment, name, 2)
    failures: list[BaseException] = []
    stop = threading.Event()

    def reseal() -> None:
        try:
            while not stop.is_set():
                for suite in ("chacha20poly1305", "aes256gcm"):
                    write_with(suite)
                    assert all(_resealing(deployment).run())
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    thread = threading.Thread(target=reseal)
    thread.start()
    try:
        for _ in range(4):
            for name in ("a", "b"):
                _talk(deployment, name, 2)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    for name in ("a", "b"):
        said = [e["text"] for e in deployment.events(name) or [] if e["event"] == "user"]
        assert said == [f"{name} {turn}" for turn in (0, 1) * 5]


def test_what_was_altered_is_left_and_counted(local: Deployment) -> None:
    """A tampered conversation is not laundered by sealing it anew; the others move."""
    for name in ("a", "b"):
        _talk(local, name, 2)
    row = local.rows(records)[0]
    altered = bytes([*bytes(row.envelope)[:-1], bytes(row.envelope)[-1] ^ 1])
    local.execute(
        sa.update(records)
        .where(records.c.handle == row.handle, records.c.sequence == row.sequence)
        .values(envelope=altered)
    )
    write_with("chacha20poly1305")
    assert sorted(_resealing(local).run()) == [False, True]
    stored = {(r.handle, r.sequence): bytes(r.envelope) for r in local.rows(records)}
    assert stored[row.handle, row.sequence] == altered


def test_the_dead_are_not_sealed_anew(local: Deployment) -> None:
    """What has expired or was ended is not outstanding, and its rows stay unreadable."""
    _talk(local, "expired", 1)
    local.clock.advance(TTL)
    _talk(local, "alive", 1)
    write_with("chacha20poly1305")
    assert _resealing(local).outstanding() == 1
    assert list(_resealing(local).run()) == [True]
    assert _resealing(local).outstanding() == 0


def test_what_a_hold_keeps_moves_under_the_held_key(local: Deployment) -> None:
    """A held conversation that is over for everybody else is sealed anew, and opens to its holders."""
    _talk(local, "a", 2)
    (row,) = local.rows(conversations)
    local.ring.hold(local.store._journal.names.ring_name("a"), row.handle)
    local.execute(sa.update(conversations).values(held_since=local.clock.now()))
    local.clock.advance(TTL)
    local.conversations.purge()
    write_with("chacha20poly1305")
    assert list(_resealing(local).run()) == [True]
    assert _all_current(local)
    held = local.ring.held(row.handle)
    assert held is not None
    (row,) = local.rows(conversations)
    head = open_head(held.key, row.handle, bytes(row.head))
    stored = sorted((r.sequence, bytes(r.envelope)) for r in local.rows(records))
    events = open_all(held.key, row.handle, head, stored)
    assert [e["text"] for e in events if e["event"] == "user"] == ["a 0", "a 1"]


def test_what_lies_beside_moves_in_the_same_transaction(local: Deployment) -> None:
    """When what lies under the same key cannot be sealed anew, the conversation stays as it was."""
    from gatehouse.errors import IntegrityError

    _talk(local, "a", 1)
    write_with("chacha20poly1305")

    def refuse(_connection: Connection, _key: bytes) -> None:
        raise IntegrityError("altered")

    before = [bytes(row.head) for row in local.rows(conversations)]
    assert list(Resealing(local.engine, local.ring, local.clock, refuse).run()) == [False]
    assert before == [bytes(row.head) for row in local.rows(conversations)]
