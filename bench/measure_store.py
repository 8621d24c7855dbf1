"""The tracker store alone: a conversation of ten turns, each retrieved, extended and saved.

Encrypted with its key ring here, plain rows in Rasa's `SQLTrackerStore` there, both on SQLite in
one directory. Every event is as large as those that the served assistant records.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered

from bench.report import Report
from gatehouse.clock import SystemClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing
from gatehouse.migrations import upgrade
from gatehouse.tracker import EncryptedTrackerStore

TURNS = 10
CONVERSATIONS = 40
RANKING = 40


def measure(report: Report) -> None:
    domain = Domain.from_dict(
        {
            "intents": [f"intent_{n}" for n in range(RANKING)],
            "slots": {
                f"slot_{n}": {"type": "text", "mappings": [{"type": "custom"}]} for n in range(12)
            },
            "responses": {"utter_answer": [{"text": "yes"}]},
        }
    )
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        directory = Path(name)
        clock = SystemClock()
        engine = open_engine(f"sqlite:///{directory / 'gatehouse.db'}")
        upgrade(engine)
        ring = KeyRing.initialise(directory / "keys", clock)
        ours = EncryptedTrackerStore.build(domain, engine, ring, clock, 86400)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = SQLTrackerStore(domain, db=str(directory / "stock.db"))
        found = asyncio.run(_alternate(ours, peer))
        report.compare(
            f"store alone: conversation of {TURNS} turns, retrieve + save each",
            statistics.median(found[0]),
            statistics.median(found[1]),
            reach=0.5,
        )
        ring.close()
        engine.dispose()
        peer.engine.dispose()


async def _alternate(ours: Any, peer: Any) -> tuple[list[float], list[float]]:
    """One conversation here, one there, in turns, so that a busy moment hits both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(CONVERSATIONS + 1):
        for store, times in zip((ours, peer), taken, strict=True):
            began = time.perf_counter()
            await _converse(store, f"conversation-{number}")
            if number:  # the first one warms up
                times.append((time.perf_counter() - began) * 1000)
    return taken


async def _converse(store: Any, name: str) -> None:
    for turn in range(TURNS):
        tracker = await store.get_or_create_tracker(name)
        for event in turn_of(turn):
            tracker.update(event)
        await store.save(tracker)


def turn_of(number: int) -> list[Event]:
    """The events of one answered message, as Rasa records them."""
    intent = {"name": f"intent_{number % RANKING}", "confidence": 0.93}
    text = f"message number {number} of somebody who would like to know something"
    entity = {"entity": "period", "value": "May 2026", "start": 8, "end": 16, "confidence": 0.99}
    parsed = {
        "text": text,
        "intent": intent,
        "entities": [entity],
        "intent_ranking": [{"name": f"intent_{n}", "confidence": 0.01} for n in range(RANKING)],
        "text_tokens": [[n * 5, n * 5 + 4] for n in range(12)],
    }
    metadata = {"assertion": "x" * 700}
    return [
        UserUttered(text, intent, [entity], parsed, input_channel="web", metadata=metadata),
        SlotSet(f"slot_{number % 12}", "May 2026"),
        ActionExecuted("utter_answer", policy="RulePolicy", confidence=1.0),
        BotUttered("Yes, and here is what you would like to know about it.", {"buttons": []}),
        ActionExecuted("action_listen", policy="RulePolicy", confidence=1.0),
    ]
