"""A seeded system of record, people to speak, and a checkpoint that lets them through.

What the real checkpoint refuses is tested with `gatehouse.dialogue`; here it says yes unless a test
tells it otherwise, so that the actions themselves are seen.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import answering
from actions.records.interface import SystemOfRecord
from actions.records.seed import seed
from actions.records.sql import SqlRecords
from gatehouse.db import open_engine
from gatehouse.dialogue.checkpoint import Checkpoint, Refused, StepUpNeeded
from gatehouse.dialogue.turn import Entity, Turn
from gatehouse.identity.assertions import METADATA_KEY, Assertion, content_digest

TODAY = date(2026, 11, 23)  # a Monday
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
ERIN, MARCO, HANNA, COLIN, AUDREY = "E-1001", "E-1002", "E-1003", "E-1004", "E-1005"


def assertion(employee_id: str = ERIN, conversation: str = "c1", message: str = "m1") -> Assertion:
    """A verified speaker."""
    return Assertion(
        person_id=f"p-{employee_id}",
        roles=frozenset({"employee"}),
        department="Warehouse operations",
        employment_type="permanent",
        employee_id=employee_id,
        display_name="Somebody",
        session_id="s1",
        session_started_at=NOW.timestamp() - 60,
        conversation_id=conversation,
        message_id=message,
        content=content_digest("words"),
        channel="web",
        network_zone="internal",
        aal=1,
        aal_at=None,
        grant_id=None,
        issued_at=NOW.timestamp(),
        expires_at=NOW.timestamp() + 60,
    )


def turn(
    employee_id: str = ERIN,
    *,
    text: str = "",
    slots: Mapping[str, Any] | None = None,
    key: str = "request-key-1",
    **entities: str,
) -> Turn:
    """One message of a verified person."""
    return Turn(
        person=assertion(employee_id),
        text=text,
        entities=tuple(Entity(name, value) for name, value in entities.items()),
        slots=slots or {},
        now=NOW,
        request_key=key,
    )


@dataclass
class OpenCheckpoint:
    """Lets a signed-in person through; asks for a code where a test says so."""

    employee_id: str = ERIN
    with_code: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def local_now(self) -> datetime:
        return NOW

    def verify(self, token: object, conversation_id: str, text: object) -> Assertion:
        if not isinstance(token, str) or not token.startswith("signed"):
            raise Refused("utter_refused_not_signed_in")
        return assertion(self.employee_id, conversation_id, token)

    def require_admitted(self, *args: Any) -> None:
        pass

    def note_served(self, *args: Any) -> None:
        pass

    def admit_intent(self, *args: Any, **kwargs: Any) -> str:
        return ""

    def admit_resource(self, person: Assertion, intent: str, *args: Any, **kwargs: Any) -> None:
        if intent in self.with_code:
            raise StepUpNeeded("aal2")

    def request_step_up(
        self, person: Assertion, intent: str, values: Mapping[str, str], prompt: str, **kwargs: Any
    ) -> str:
        self.asked.append((intent, dict(values), prompt))
        return f"To {prompt}, please confirm with a code."


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch) -> OpenCheckpoint:
    """The checkpoint of this test."""
    opened = OpenCheckpoint()
    monkeypatch.setattr(Checkpoint, "current", classmethod(lambda cls: opened))
    return opened


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the demo organisation as of `TODAY`."""
    path = tmp_path_factory.mktemp("records") / "records.db"
    engine = open_engine(f"sqlite:///{path}")
    seed(engine, TODAY)
    engine.dispose()  # the last connection writes the log back into the file
    return path


@pytest.fixture
def records(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SystemOfRecord]:
    """The system of record of this test, which the actions use too."""
    path = tmp_path / "records.db"
    shutil.copy(seeded, path)
    engine = open_engine(f"sqlite:///{path}")
    opened = SqlRecords(engine)
    monkeypatch.setattr(answering, "_source", lambda: opened)
    yield opened
    engine.dispose()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands in for the runtime where an action hands something to the channel."""
    import actions.privacy
    import actions.sessions

    calls: list[tuple[str, ...]] = []
    stub = SimpleNamespace(
        calls=calls,
        exports=SimpleNamespace(create=lambda *who: calls.append(("export", *who)) or "ticket-1"),
        rights=SimpleNamespace(request_erasure=lambda *who: calls.append(("erase", *who))),
        holds=SimpleNamespace(shown_to=lambda person: []),
        front_ends=SimpleNamespace(of_person=lambda person: ()),
        conversations=SimpleNamespace(
            request_end=lambda conversation: calls.append(("end", conversation)),
            summary=lambda person: (),
        ),
        sessions=SimpleNamespace(of_person=lambda person: []),
        audit=SimpleNamespace(append=lambda kind, **facts: calls.append((kind, facts["person"]))),
    )
    for module in (actions.privacy, actions.sessions):
        monkeypatch.setattr(module, "_runtime", lambda: stub)
    return stub


def run_action(action: Any, tracker: Tracker) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and messages of one call, as the action server makes it."""
    dispatcher = CollectingDispatcher()
    events = asyncio.run(action.run(dispatcher, tracker, {}))
    return events, dispatcher.messages


Say = Callable[..., list[str]]


def tracker_of(
    text: str,
    intent: str,
    *,
    slots: Mapping[str, Any] | None = None,
    entities: Mapping[str, str] | None = None,
    token: str | None = "signed",
) -> Tracker:
    """A conversation whose latest message is `text`."""
    message = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.9},
        "entities": [{"entity": name, "value": value} for name, value in (entities or {}).items()],
        "metadata": {METADATA_KEY: token} if token else {},
    }
    return Tracker("c1", dict(slots or {}), message, [], False, None, {}, "action_listen")
