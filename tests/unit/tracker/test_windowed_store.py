"""The store with a bounded window against Rasa's own, over conversations longer than the window."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import ActionExecuted, Event, SlotSet, UserUtteranceReverted
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.tracker import TrackerTampered, TrackerUnavailable
from gatehouse.tracker.schema import records, snapshots
from gatehouse.tracker.window import Needs
from tests.unit.tracker.conftest import DOMAIN, Deployment, play, run
from tests.unit.tracker.scripts import all_scripts, greeting, said, session, timed

NEEDS = Needs(states=3, visible=4)


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[SQLTrackerStore]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy 1.4 on its own future, from Rasa's code
        store = SQLTrackerStore(DOMAIN, db=str(tmp_path / "stock.db"))
        yield store
    store.engine.dispose()


def state(tracker: DialogueStateTracker | None) -> dict[str, Any]:
    """Everything that the tracker says of the conversation but its list of events."""
    assert tracker is not None
    return tracker.current_state()


def turn_of(number: int) -> list[Event]:
    if number % 7 == 3:
        return timed(SlotSet("leave_kind", f"kind {number}"), *greeting(f"turn {number}"))
    return greeting(f"turn {number}")


def converse(deployment: Deployment, stock: Any, turns: list[list[Event]]) -> None:
    deployment.store.needs = NEEDS
    for events in turns:
        run(play(stock, "c", events))
        deployment.turn("c", *events)


def test_a_long_conversation_stays_short_and_the_same(
    deployment: Deployment, stock: SQLTrackerStore
) -> None:
    """After 30 turns and a restart Rasa is handed few events, with the same state as all of them;
    the full tracker still has every event."""
    converse(deployment, stock, [turn_of(number) for number in range(30)])
    deployment.restart()
    deployment.store.needs = NEEDS
    handed, theirs = run(deployment.store.retrieve("c")), run(stock.retrieve("c"))
    assert state(theirs) == state(handed)
    assert handed is not None and len(handed.events) < 60 < len(theirs.events)
    whole = run(deployment.store.retrieve_full_tracker("c"))
    full = run(stock.retrieve_full_tracker("c"))
    assert [e.as_dict() for e in full.events] == [e.as_dict() for e in whole.events]


@pytest.mark.parametrize("script", sorted(all_scripts()))
def test_scripts_within_a_long_conversation(
    local: Deployment, stock: SQLTrackerStore, script: str
) -> None:
    """Forms, reverts, restarts and sessions after a long conversation and before another."""
    before = [turn_of(number) for number in range(9)]
    within = all_scripts()[script]
    after = [turn_of(number) for number in range(9)]  # made last: stock goes by the time of events
    for events in [*before, *within, *after]:
        converse(local, stock, [events])
        assert state(run(stock.retrieve("c"))) == state(run(local.store.retrieve("c")))


def test_a_new_session_needs_no_snapshot(local: Deployment, stock: SQLTrackerStore) -> None:
    """The window begins anew with the session; nothing of the old one is handed over."""
    converse(local, stock, [turn_of(number) for number in range(9)])
    assert 1 == len(local.rows(snapshots))
    converse(local, stock, [[*session(), *greeting("anew")]])
    assert [] == local.rows(snapshots)
    theirs, ours = run(stock.retrieve("c")), run(local.store.retrieve("c"))
    assert [e.as_dict() for e in theirs.events] == [e.as_dict() for e in ours.events]


def test_a_turn_that_takes_back_more_than_was_read_is_refused_once(
    local: Deployment, stock: SQLTrackerStore
) -> None:
    """Such a turn is refused with nothing stored; said again, it sees the whole session."""
    converse(local, stock, [turn_of(number) for number in range(12)])
    back = [UserUtteranceReverted() for _ in range(5)]
    turn = timed(*said("undo all that"), ActionExecuted("action_back"), *back)
    stored = len(local.rows(records))
    with pytest.raises(TrackerUnavailable, match="takes back more"):
        local.turn("c", *turn)
    assert stored == len(local.rows(records))
    converse(local, stock, [turn, *(turn_of(number) for number in range(8))])
    assert state(run(stock.retrieve("c"))) == state(run(local.store.retrieve("c")))


def test_other_needs_read_the_whole_session(local: Deployment, stock: SQLTrackerStore) -> None:
    """A snapshot made for a model that looks back less far is not used."""
    converse(local, stock, [turn_of(number) for number in range(12)])
    local.store.needs = Needs(states=3, visible=40)
    ours = run(local.store.retrieve("c"))
    assert len(run(stock.retrieve("c")).events) == len(ours.events)


def _flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_an_altered_snapshot_is_refused(deployment: Deployment, stock: SQLTrackerStore) -> None:
    """A flipped bit, an older snapshot, one of another conversation, none: each is noticed."""
    converse(deployment, stock, [turn_of(number) for number in range(7)])
    old = bytes(deployment.rows(snapshots)[0].envelope)
    converse(deployment, stock, [turn_of(number) for number in range(7)])
    new = bytes(deployment.rows(snapshots)[0].envelope)
    assert new != old
    for envelope in (_flip(new), old, b""):
        deployment.execute(sa.update(snapshots).values(envelope=envelope))
        with pytest.raises(TrackerTampered, match="snapshot altered"):
            run(deployment.store.retrieve("c"))
    deployment.execute(sa.delete(snapshots))
    with pytest.raises(TrackerTampered, match="snapshot altered"):
        run(deployment.store.retrieve("c"))
    assert ("tamper", "c", "snapshot_altered") == deployment.audit.entries[-1]


@pytest.mark.parametrize("filled", [False, True])
def test_a_record_that_is_missing_before_the_window_is_noticed(
    deployment: Deployment, stock: SQLTrackerStore, filled: bool
) -> None:
    """At the next turn, although nothing of what is missing is handed to Rasa any more."""
    converse(deployment, stock, [turn_of(number) for number in range(20)])
    with deployment.engine.begin() as connection:
        first = connection.execute(sa.select(records).where(records.c.sequence == 1)).one()
        connection.execute(sa.delete(records).where(records.c.sequence == 1))
        if filled:
            connection.execute(sa.insert(records).values((first.handle, 0, first.envelope)))
    with pytest.raises(TrackerTampered) as caught:
        run(deployment.store.retrieve("c"))
    assert "records_missing_or_added" == caught.value.reason
