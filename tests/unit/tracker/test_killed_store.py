"""Killed with SIGKILL while it serves: two hundred conversations keep every acknowledged turn."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import random
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from rasa.shared.core.events import UserUttered

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing
from gatehouse.tracker import EncryptedTrackerStore
from gatehouse.tracker.schema import metadata
from gatehouse.tracker.window import Needs
from tests.unit.tracker.conftest import DOMAIN, TTL, play
from tests.unit.tracker.scripts import greeting

CONVERSATIONS = 200
ROUNDS = 20


def converse(directory: Path, first: int, said: Connection) -> None:
    """Turns of ten conversations in turn, each said once `save` has returned; never ends."""
    clock = SettableClock()
    ring = KeyRing.open(directory / "keys", clock)
    engine = open_engine(f"sqlite:///{directory / 'gatehouse.db'}")
    store = EncryptedTrackerStore.build(DOMAIN, engine, ring, clock, TTL)
    store.needs = Needs(states=2, visible=2)
    for number in itertools.count():
        for conversation in range(first, first + CONVERSATIONS // ROUNDS):
            asyncio.run(play(store, f"c{conversation}", greeting(f"{conversation} {number}")))
            said.send((conversation, number))


def test_two_hundred_conversations_survive_sigkill(tmp_path: Path) -> None:
    """Twenty processes, killed at random moments while they serve ten conversations each: every
    acknowledged turn is there in order, at most one more, and every conversation goes on."""
    clock = SettableClock()
    KeyRing.initialise(tmp_path / "keys", clock).close()
    engine = open_engine(f"sqlite:///{tmp_path / 'gatehouse.db'}")
    metadata.create_all(engine)
    engine.dispose()
    forking = multiprocessing.get_context("fork")
    moments = random.Random(4711)
    acknowledged: Counter[int] = Counter()
    for number in range(ROUNDS):
        ours, theirs = forking.Pipe(duplex=False)
        first = number * CONVERSATIONS // ROUNDS
        process = forking.Process(target=converse, args=(tmp_path, first, theirs), daemon=True)
        process.start()
        theirs.close()
        for _ in range(moments.randint(1, 60)):
            conversation, _turn = ours.recv()
            acknowledged[conversation] += 1
        time.sleep(moments.random() / 50)
        process.kill()
        with contextlib.suppress(EOFError):
            while True:
                acknowledged[ours.recv()[0]] += 1
        process.join()
    ring = KeyRing.open(tmp_path / "keys", clock)
    engine = open_engine(f"sqlite:///{tmp_path / 'gatehouse.db'}")
    store = EncryptedTrackerStore.build(DOMAIN, engine, ring, clock, TTL)
    for conversation in range(CONVERSATIONS):
        name = f"c{conversation}"
        turns = texts_of(store, name)
        assert len(turns) - acknowledged[conversation] in (0, 1)
        assert [f"{conversation} {number}" for number in range(len(turns))] == turns
        if acknowledged[conversation]:
            asyncio.run(play(store, name, greeting("and on")))
            assert [*turns, "and on"] == texts_of(store, name)
    assert sum(acknowledged.values()) > ROUNDS
    ring.close()
    engine.dispose()


def texts_of(store: EncryptedTrackerStore, name: str) -> list[str | None]:
    tracker = asyncio.run(store.retrieve_full_tracker(name))
    return [e.text for e in tracker.events if isinstance(e, UserUttered)] if tracker else []
