"""Listening inside a form: what a message gives, what it corrects, what interrupts it.

A form reads and checks values and does nothing else: no record is read or written here, and the
intent that started it was authorized before. A message of another intent is left to the rules, so
that a question in between is answered and the form goes on afterwards.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.date_words import Unclear
from actions.records.interface import InvalidChange
from gatehouse.dialogue.checkpoint import Checkpoint
from gatehouse.dialogue.guarded import MAX_TEXT, PureForm

CONFIRMED = "confirmed"
NOT_UNDERSTOOD = "utter_form_not_understood"
WHAT_INSTEAD = "utter_form_what_instead"
ANSWERS = frozenset({"inform", "nlu_fallback", "affirm", "deny"})


_HESITATES = re.compile(
    r"\b(?:wait|hold on|hang on|moment|mistake|mistyped|typo|wrong|not (?:quite )?(?:right|correct)"
    r"|incorrect|change|correct it|i meant|oops|sorry)\b"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message inside a form.

    `requested` is the slot that was asked for, None when this message started the form.
    """

    text: str
    intent: str
    requested: str | None
    entities: tuple[tuple[str, str], ...]
    slots: Mapping[str, Any]
    today: date

    @property
    def starts(self) -> bool:
        return self.requested is None

    @property
    def hesitates(self) -> bool:
        """Whether the person takes something back and has not said yet what it should be."""
        return self.intent in {"deny", "nlu_fallback"} and bool(
            _HESITATES.search(self.text[:100].casefold())
        )

    def entity(self, name: str) -> str | None:
        """The value of the first entity called `name`."""
        return next((value for kind, value in self.entities if kind == name), None)


class DeskForm(PureForm, ABC):
    """The checks of one form; a subclass says what it reads out of a message."""

    intent: ClassVar[str]
    asks: ClassVar[tuple[str, ...]]

    def name(self) -> str:
        return f"validate_{self.intent}_form"

    @abstractmethod
    def read(self, heard: Heard) -> Mapping[str, Any]:
        """The values in the message; raises `Unclear` or `InvalidChange` with words for the person."""

    def remark(self, heard: Heard) -> str | None:
        """Something that the person must know about what was read; said once, before the question."""
        return None

    async def get_extraction_events(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return []

    async def get_validation_events(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        heard = heard_in(tracker, Checkpoint.current().local_now().date())
        # A new request starts empty: what an abandoned one left must not be taken for an answer.
        values: dict[str, Any] = dict.fromkeys(self.asks) if heard.starts else {}
        values.update(self._answer(heard, dispatcher))
        return [
            {"event": "slot", "timestamp": None, "name": name, "value": value}
            for name, value in values.items()
        ]

    def _answer(self, heard: Heard, dispatcher: CollectingDispatcher) -> Mapping[str, Any]:
        ours = heard.intent in ANSWERS or heard.intent == self.intent
        if not ours and heard.intent != "out_of_scope":
            return {}
        if heard.requested == CONFIRMED and heard.intent == "affirm":
            return {CONFIRMED: True}
        try:
            found = {name: value for name, value in self.read(heard).items() if name in self.asks}
        except (Unclear, InvalidChange) as problem:
            if not ours:
                return {}
            dispatcher.utter_message(text=problem.message)
            return {heard.requested: None} if heard.requested else {}
        remark = self.remark(heard)
        if remark:
            dispatcher.utter_message(text=remark)
        if found:
            return {**found, CONFIRMED: None} if CONFIRMED in self.asks else found
        if heard.requested and heard.hesitates:
            dispatcher.utter_message(response=WHAT_INSTEAD)
            return {heard.requested: None}
        if heard.requested == CONFIRMED and heard.intent == "deny":
            return {CONFIRMED: False}
        if heard.requested is None or not ours:
            return {}
        dispatcher.utter_message(response=NOT_UNDERSTOOD)
        return {heard.requested: None}


def form_slots() -> frozenset[str]:
    """The slots of all forms: what is forgotten when a person stops."""
    return frozenset(slot for form in DeskForm.__subclasses__() for slot in form.asks)


def heard_in(tracker: Tracker, today: date) -> Heard:
    """The latest message as the active form sees it."""
    message = tracker.latest_message or {}
    intent = message.get("intent")
    found = message.get("entities")
    requested = tracker.slots.get("requested_slot")
    entities = tuple(
        (str(item["entity"]), str(item["value"])[:MAX_TEXT])
        for item in (found if isinstance(found, list) else [])
        if isinstance(item, dict) and item.get("entity") and item.get("value") is not None
    )
    text = str(message.get("text") or "")[:MAX_TEXT]
    if text.startswith("/"):  # a button: no person's text gets here with a leading slash
        text = " ".join(value for _, value in entities)
    return Heard(
        text=text,
        intent=str(intent.get("name") or "") if isinstance(intent, dict) else "",
        requested=requested if isinstance(requested, str) else None,
        entities=entities,
        slots=dict(tracker.slots),
        today=today,
    )
