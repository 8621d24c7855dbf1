"""The base class of every custom action: nothing runs before identity and policy agree.

`GuardedAction.run` is the second enforcement point. It verifies the signed assertion, decides again
with the concrete resource, asks for or redeems the step-up, writes the audit entry, and only then
calls `perform`. A subclass must never override `run`, and must never touch a back end outside
`perform` except to resolve what the request is about.
"""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, final

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.executor import CollectingDispatcher

from gatehouse import metrics, request_id
from gatehouse.dialogue import action_server
from gatehouse.dialogue.checkpoint import Checkpoint, Refused, StepUpNeeded
from gatehouse.dialogue.turn import Ask, Entity, Message, Reply, Scalar, Turn
from gatehouse.dialogue.understanding import Understanding, understood
from gatehouse.identity.assertions import METADATA_KEY, Assertion
from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

action_server.protect()  # whoever has guarded actions has a protected action server

UNAVAILABLE = "utter_refused_unavailable"
MAX_TEXT = 4000


class GuardedAction(Action, ABC):
    """An action that answers one intent for a verified, authorized person.

    `intent` names the intent whose policy governs the action, whatever intent led to it.
    """

    intent: ClassVar[str]

    def name(self) -> str:
        return f"action_{self.intent}"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        """Whose data the request is about (`self`, `team`, `anyone`) and attributes of the record."""
        return "self", {}

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        """The concrete values of the request that a second factor is bound to.

        Raises `Ask` when the request is not clear enough.
        """
        return {}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        """What the person approves with a code, in words that complete "to …"."""
        return self.intent.replace("_", " ")

    @abstractmethod
    def perform(self, turn: Turn) -> Reply:
        """Do it; the only place that reads or writes the system of record. Runs in a thread."""

    @final
    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Called by rasa-sdk; verifies, decides, audits, performs. Never raises."""
        return await answered(self.name(), self._serve, tracker, dispatcher)

    def _serve(self, checkpoint: Checkpoint, tracker: Tracker) -> Reply:
        person = speaker_of(tracker, checkpoint)
        understood = understanding_of(tracker)
        checkpoint.admit_intent(person, self.intent, understood)
        turn = turn_of(tracker, person, checkpoint)
        try:
            turn = replace(turn, values=dict(self.request_values(turn)))
            subject, resource = self.subject(turn)
            checkpoint.admit_resource(
                person, self.intent, subject, resource, turn.values, understood
            )
        except Ask as question:
            return Reply((question.as_message(),))
        except StepUpNeeded as needed:
            text = checkpoint.request_step_up(
                person,
                self.intent,
                turn.values,
                self.prompt(turn, turn.values),
                action=self.name(),
                level=needed.level,
            )
            return Reply.say(text)
        if self.name() == f"action_{self.intent}":
            # Not a preview: written down first, so that "not served before" holds in every case.
            checkpoint.note_served(person, self.intent)
        try:
            return self.perform(turn)
        except Ask as question:
            return Reply((question.as_message(),))
        except Exception as error:
            # The log has it as allowed by now; what was allowed and not done must stand there too.
            checkpoint.note_failed(person, self.intent, error)
            raise


class PureForm(FormValidationAction):
    """A form validation without effect: parses and checks values, reaches no back end.

    Verifies the assertion all the same, so that the action server answers nobody else.
    """

    @abstractmethod
    def name(self) -> str:
        """`validate_` and the name of the form."""

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        with request_id.continued(_metadata(tracker).get(request_id.METADATA_KEY)):
            return await self._checked(dispatcher, tracker, domain)

    async def _checked(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        checkpoint = Checkpoint.current()
        try:
            await asyncio.to_thread(verified, tracker, checkpoint)
            events: list[dict[str, Any]] = await super().run(dispatcher, tracker, domain)
        except Refused as refusal:
            reply = Reply((Message(response=refusal.say),))
        except Exception as error:  # noqa: BLE001 - as in `answered`
            reply = unavailable(self.name(), error)
        else:
            return events
        # What was not checked must not stay in the form as if it had been.
        requested = tracker.get_slot("requested_slot")
        forget = {requested: None} if requested else {}
        return dispatch(replace(reply, slots=forget), dispatcher)


async def answered(
    name: str,
    serve: Callable[[Checkpoint, Tracker], Reply],
    tracker: Tracker,
    dispatcher: CollectingDispatcher,
) -> list[dict[str, Any]]:
    """Run `serve` in a thread and hand over its reply, or the refusal; the events for Rasa.

    Never raises: a failure of whatever kind is said politely and logged without its text.
    """
    with request_id.continued(_metadata(tracker).get(request_id.METADATA_KEY)):
        try:
            reply = await asyncio.to_thread(serve, Checkpoint.current(), tracker)
        except Refused as refusal:
            reply = Reply((Message(response=refusal.say),))
        except Exception as error:  # noqa: BLE001 - no failure of a back end may reach a person
            reply = unavailable(name, error)
    return dispatch(reply, dispatcher)


def metadata_of(tracker: Tracker) -> object:
    """The assertion in the metadata of the latest message; whatever type it has."""
    return _metadata(tracker).get(METADATA_KEY)


def _metadata(tracker: Tracker) -> dict[str, Any]:
    metadata = (tracker.latest_message or {}).get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def verified(tracker: Tracker, checkpoint: Checkpoint) -> Assertion:
    """The verified speaker of the latest message; raises `Refused`."""
    message = tracker.latest_message or {}
    return checkpoint.verify(metadata_of(tracker), tracker.sender_id, message.get("text"))


def speaker_of(tracker: Tracker, checkpoint: Checkpoint) -> Assertion:
    """As `verified`, for a message that the dialogue policy let through as it stands here."""
    person = verified(tracker, checkpoint)
    message = tracker.latest_message or {}
    intent = str((message.get("intent") or {}).get("name") or "")
    checkpoint.require_admitted(
        metadata_of(tracker), tracker.sender_id, intent, message.get("entities")
    )
    return person


def understanding_of(tracker: Tracker) -> Understanding:
    """How sure the language understanding was of the latest message, and the slots.

    The runners-up were weighed when the intent was admitted; about a record only the lead counts.
    """
    message = tracker.latest_message or {}
    intent = message.get("intent") or {}
    return understood(intent, message.get("intent_ranking"), tracker.slots)


def turn_of(tracker: Tracker, person: Assertion, checkpoint: Checkpoint) -> Turn:
    """The `Turn` of the latest message."""
    message = tracker.latest_message or {}
    return Turn(
        person=person,
        text=str(message.get("text") or "")[:MAX_TEXT],
        entities=tuple(_entities(message.get("entities"))),
        slots=dict(tracker.slots),
        now=checkpoint.local_now(),
        request_key=_request_key(person),
    )


def _request_key(person: Assertion) -> str:
    # The session is part of it: a message id is chosen by a browser.
    material = f"{person.session_id}\n{person.message_id}".encode()
    return hashlib.sha256(material).hexdigest()


def _entities(found: object) -> list[Entity]:
    if not isinstance(found, list):
        return []
    return [
        Entity(str(item["entity"]), str(item["value"])[:MAX_TEXT], item.get("role"))
        for item in found
        if isinstance(item, dict) and item.get("entity") and item.get("value") is not None
    ]


def unavailable(name: str, error: Exception) -> Reply:
    metrics.FAILURES.add(part="action")
    log.error("an action failed", action=name, error=place_of(error))
    return Reply((Message(response=UNAVAILABLE),))


def dispatch(reply: Reply, dispatcher: CollectingDispatcher) -> list[dict[str, Any]]:
    for message in reply.messages:
        buttons = [{"title": item.title, "payload": item.payload} for item in message.buttons]
        dispatcher.utter_message(
            text=message.text,
            response=message.response,
            json_message=dict(message.custom) if message.custom else None,
            buttons=buttons or None,
            **dict(message.values),
        )
    return [
        {"event": "slot", "timestamp": None, "name": name, "value": value}
        for name, value in reply.slots.items()
    ]
