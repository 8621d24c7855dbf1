"""Every forgery is refused and recorded, by the dialogue policy and by an action alike."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from gatehouse.dialogue import admissions
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Reply, Turn
from gatehouse.identity import METADATA_KEY
from gatehouse.runtime import Runtime
from tests.forgeries import CONVERSATION, FORGERIES, INTENT, NAMES, WORDS, Forger
from tests.unit.dialogue.conftest import Desk
from tests.unit.dialogue.test_authorization import action_of, predict

NOT_SIGNED_IN = "utter_refused_not_signed_in"


class Balance(GuardedAction):
    """Says that it ran."""

    intent = INTENT
    __module__ = "rasa_sdk.unregistered"

    def name(self) -> str:
        return "action_of_forgeries"

    def perform(self, turn: Turn) -> Reply:
        return Reply.say("15 days")


@pytest.fixture
def forger(desk: Desk, runtime: Runtime) -> Forger:
    person = {"person_id": desk.person.id, "roles": desk.person.roles, "employee_id": "E-1001"}
    return Forger(runtime.issuer.keys, runtime.clock.now(), person)


def tracker_with(
    token: object, *, text: str = WORDS, intent: str = INTENT, entities: Any = ()
) -> Tracker:
    message = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.97},
        "entities": list(entities),
        "metadata": {METADATA_KEY: token},
    }
    return Tracker(CONVERSATION, {}, message, [], False, None, {}, "action_listen")


def said_by(tracker: Tracker) -> list[str]:
    dispatcher = CollectingDispatcher()
    asyncio.run(Balance().run(dispatcher, tracker, {}))
    return [message.get("response") or message.get("text") or "" for message in dispatcher.messages]


def refusals(runtime: Runtime) -> list[str]:
    bodies = [json.loads(entry.body) for entry in runtime.audit.entries()]
    return [body["reason"] for body in bodies if body["kind"] == "assertion_refused"]


@pytest.mark.parametrize(("name", "reason", "forge"), FORGERIES, ids=NAMES)
def test_a_forgery_is_refused_by_the_policy(
    name: str, reason: str, forge: Any, forger: Forger, runtime: Runtime, domain: Domain
) -> None:
    """The dialogue policy refuses it, and the log says why."""
    intent = {"name": INTENT, "confidence": 0.97}
    metadata = {METADATA_KEY: forge(forger)}
    said = UserUttered(WORDS, intent, parse_data={"intent": intent}, metadata=metadata)
    assert NOT_SIGNED_IN == action_of(predict(domain, said), domain)
    assert [reason] == refusals(runtime)


@pytest.mark.parametrize(("name", "reason", "forge"), FORGERIES, ids=NAMES)
def test_a_forgery_is_refused_by_an_action(
    name: str, reason: str, forge: Any, forger: Forger, runtime: Runtime
) -> None:
    """So does an action that is called directly, even for what the policy once let through."""
    token = forge(forger)
    admissions.note(token, INTENT, [])
    assert [NOT_SIGNED_IN] == said_by(tracker_with(token))
    assert [reason] == refusals(runtime)


def test_a_genuine_message_is_answered(forger: Forger, domain: Domain, runtime: Runtime) -> None:
    """What the policy let through runs, so the refusals above are not for another reason."""
    token = forger.issue()
    intent = {"name": INTENT, "confidence": 0.97}
    data = {"intent": intent, "entities": []}
    said = UserUttered(WORDS, intent, parse_data=data, metadata={METADATA_KEY: token})
    assert action_of(predict(domain, said), domain) is None
    assert ["15 days"] == said_by(tracker_with(token))
    assert [] == refusals(runtime)


@pytest.mark.parametrize(
    "change",
    [
        {"intent": "view_salary"},
        {"intent": ""},
        {"entities": [{"entity": "period", "value": "May 2026"}]},
        {"text": WORDS + "!"},
    ],
    ids=["intent", "no intent", "entity", "words"],
)
def test_an_edited_message_is_refused(change: Any, forger: Forger, runtime: Runtime) -> None:
    """A genuine assertion does not carry another intent, entity or sentence to an action."""
    token = forger.issue()
    admissions.note(token, INTENT, [])
    assert [NOT_SIGNED_IN] == said_by(tracker_with(token, **change))
    assert ["content" if "text" in change else "not_admitted"] == refusals(runtime)


def test_an_action_without_a_decision_does_not_run(forger: Forger, runtime: Runtime) -> None:
    """A genuine assertion that the dialogue policy never saw moves no action."""
    assert [NOT_SIGNED_IN] == said_by(tracker_with(forger.issue()))
    assert ["not_admitted"] == refusals(runtime)


def test_what_was_let_through_is_bounded() -> None:
    """Notes of the oldest messages go first; memory does not grow."""
    for number in range(admissions.MOST_NOTES + 5):
        admissions.note(f"token {number}", INTENT, [])
    kept = [admissions.is_admitted(f"token {n}", INTENT, []) for n in (0, 4, 5, number)]
    assert [False, False, True, True] == kept
