"""The store against Rasa's own SQL store: the same conversation comes back from both."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity

from tests.unit.tracker.conftest import DOMAIN, Deployment, play, run
from tests.unit.tracker.scripts import all_scripts

SCRIPTS = sorted(all_scripts())


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[SQLTrackerStore]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy 1.4 on its own future, from Rasa's code
        store = SQLTrackerStore(DOMAIN, db=str(tmp_path / "stock.db"))
        yield store
    store.engine.dispose()


def state(tracker: DialogueStateTracker | None) -> dict[str, Any] | None:
    return tracker.current_state(EventVerbosity.ALL) if tracker else None


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_same_state_after_every_turn(
    deployment: Deployment, stock: SQLTrackerStore, script: str, restarts: bool
) -> None:
    """Events, slots, loop and latest message agree after each turn, for session and history."""
    for events in all_scripts()[script]:
        run(play(stock, "c", events))
        deployment.turn("c", *events)
        if restarts:
            deployment.restart()
        assert state(run(deployment.store.retrieve("c"))) == state(run(stock.retrieve("c")))
        whole = run(deployment.store.retrieve_full_tracker("c"))
        assert state(whole) == state(run(stock.retrieve_full_tracker("c")))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_copied_tracker_is_saved_like_stock(
    deployment: Deployment, stock: SQLTrackerStore, script: str
) -> None:
    """A tracker that Rasa copied before saving adds exactly its new events."""
    for events in all_scripts()[script]:
        for store in (stock, deployment.store):
            tracker = run(store.get_or_create_tracker("c", append_action_listen=False))
            copied = tracker.copy()
            for event in events:
                copied.update(event)
            run(store.save(copied))
        whole = run(deployment.store.retrieve_full_tracker("c"))
        assert state(whole) == state(run(stock.retrieve_full_tracker("c")))


def test_saving_twice_stores_once(deployment: Deployment, stock: SQLTrackerStore) -> None:
    """A tracker may be saved several times during a turn."""
    script = all_scripts()["greeting"]
    for store in (stock, deployment.store):
        tracker = run(store.create_tracker("c"))
        for events in script:
            for event in events:
                tracker.update(event)
            run(store.save(tracker))
            run(store.save(tracker))
    own, theirs = run(deployment.store.retrieve("c")), run(stock.retrieve("c"))
    assert own and theirs
    # The first event is made by Rasa, with the time of each store's own call.
    assert [e.as_dict() for e in own.events][1:] == [e.as_dict() for e in theirs.events][1:]


def test_unknown_conversations(deployment: Deployment, stock: SQLTrackerStore) -> None:
    """Both answer None for a conversation that never was, and know none."""
    for store in (stock, deployment.store):
        assert run(store.retrieve("nobody")) is None
        assert run(store.retrieve_full_tracker("nobody")) is None
        assert run(store.exists("nobody")) is False
        assert list(run(store.keys())) == []


def test_keys_and_exists(deployment: Deployment, stock: SQLTrackerStore) -> None:
    """Both list the conversations that have events."""
    for store in (stock, deployment.store):
        for conversation in ("a", "b"):
            run(play(store, conversation, all_scripts()["greeting"][0]))
        assert sorted(run(store.keys())) == ["a", "b"]
        assert run(store.exists("a")) is True


def test_a_whole_tracker_may_be_saved(deployment: Deployment) -> None:
    """Saving what `retrieve_full_tracker` gave adds the new events only (stock adds too many)."""
    script = all_scripts()["sessions"]
    for events in script[:-1]:
        deployment.turn("c", *events)
    whole = run(deployment.store.retrieve_full_tracker("c"))
    assert whole is not None
    for event in script[-1]:
        whole.update(event)
    run(deployment.store.save(whole))
    assert deployment.events("c") == [event.as_dict() for event in whole.events]
