"""Fixtures of the tracker tests: one deployment per test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing
from gatehouse.settings import Retention
from gatehouse.tracker import Conversations, EncryptedTrackerStore
from gatehouse.tracker.schema import metadata

TTL = 3600
T = TypeVar("T")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Rasa warns of its own past for every domain with slots
    DOMAIN = Domain.from_dict(
        {
            "intents": ["greet", "request_leave", "inform"],
            "entities": ["date"],
            "slots": {
                "start_date": {
                    "type": "text",
                    "mappings": [{"type": "from_entity", "entity": "date"}],
                },
                "leave_kind": {"type": "text", "mappings": [{"type": "custom"}]},
            },
            "forms": {"request_leave_form": {"required_slots": ["start_date", "leave_kind"]}},
            "responses": {"utter_greet": [{"text": "hello"}]},
            "actions": ["action_request_leave"],
        }
    )


class RecordedAudit:
    """Keeps what would be audited."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str | None, str]] = []
        self.records: list[str | None] = []

    def append(
        self, kind: str, *, conversation: str | None = None, reason: str, record: str | None = None
    ) -> int:
        self.entries.append((kind, conversation, reason))
        self.records.append(record)
        return len(self.entries)


@dataclass
class Deployment:
    """A store with everything under it, and short ways to use it."""

    url: str
    directory: Path
    clock: SettableClock
    ring: KeyRing
    engine: Engine
    audit: RecordedAudit = field(default_factory=RecordedAudit)

    def __post_init__(self) -> None:
        self.store = self.open_store()
        self.conversations = self.open_conversations()

    def open_store(self, **given: Any) -> EncryptedTrackerStore:
        return EncryptedTrackerStore.build(
            DOMAIN, self.engine, self.ring, self.clock, TTL, audit=self.audit, **given
        )

    def open_conversations(self, on_end: str = "destroy", **given: Any) -> Conversations:
        retention = Retention(ttl=TTL, purge_interval=60, on_end=on_end)
        return Conversations(self.engine, self.ring, self.clock, retention, self.audit, **given)

    def restart(self) -> None:
        """Everything anew, as after the process was killed."""
        self.engine.dispose()
        self.ring.close()
        self.ring = KeyRing.open(self.directory / "keys", self.clock)
        self.engine = open_engine(self.url)
        self.__post_init__()

    def turn(self, conversation_id: str, *events: Event) -> DialogueStateTracker:
        """One turn as Rasa's processor does it."""
        return run(play(self.store, conversation_id, events))

    def events(self, conversation_id: str) -> list[dict[str, Any]] | None:
        tracker = run(self.store.retrieve_full_tracker(conversation_id))
        return [event.as_dict() for event in tracker.events] if tracker else None

    def execute(self, statement: Any) -> Any:
        with self.engine.begin() as connection:
            result = connection.execute(statement)
            return result.fetchall() if result.returns_rows else result.rowcount

    def rows(self, table: sa.Table) -> list[Any]:
        return list(self.execute(sa.select(table)))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def play(store: Any, conversation_id: str, events: Sequence[Event]) -> DialogueStateTracker:
    tracker = await store.get_or_create_tracker(conversation_id, append_action_listen=False)
    if not tracker.events:
        tracker.update(SessionStarted(timestamp=events[0].timestamp))
    for event in events:
        tracker.update(event)
    await store.save(tracker)
    return tracker


@pytest.fixture(params=["sqlite", "postgresql"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    url = (
        f"sqlite:///{tmp_path / 'gatehouse.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    yield from _deploy(url, tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on SQLite only."""
    yield from _deploy(f"sqlite:///{tmp_path / 'gatehouse.db'}", tmp_path)


def _deploy(url: str, directory: Path) -> Iterator[Deployment]:
    clock = SettableClock()
    engine = open_engine(url)
    metadata.create_all(engine)
    ring = KeyRing.initialise(directory / "keys", clock)
    deployment = Deployment(url, directory, clock, ring, engine)
    yield deployment
    deployment.engine.dispose()
    deployment.ring.close()
