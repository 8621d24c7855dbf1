"""What a guarded action sees of one message, and what it may answer.

A `Turn` carries the verified speaker and the request; a `Reply` carries messages and slot changes.
Neither gives access to the tracker, so that an action cannot read other turns or write events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gatehouse.identity.assertions import Assertion

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Entity:
    """A value that the language understanding found in the message."""

    name: str
    value: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a verified person.

    `now` is aware and in the organisation's time zone; `values` are the bound values that
    `GuardedAction.request_values` returned (empty before that). `request_key` names this request:
    the same key means the same request, so that a back end can make a write idempotent.
    """

    person: Assertion
    text: str
    entities: tuple[Entity, ...]
    slots: Mapping[str, Any]
    now: datetime
    request_key: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def conversation_id(self) -> str:
        return self.person.conversation_id

    @property
    def today(self) -> date:
        return self.now.date()

    def entity(self, name: str) -> str | None:
        """The value of the first entity called `name`."""
        return next((entity.value for entity in self.entities if entity.name == name), None)

    def entity_values(self, name: str) -> tuple[str, ...]:
        """The values of all entities called `name`, in the order of the text."""
        return tuple(entity.value for entity in self.entities if entity.name == name)


@dataclass(frozen=True, slots=True)
class Button:
    """A quick reply; `payload` stays on the server, the browser gets an opaque id."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the bot: a plain text or the name of a response of `domain.yml`."""

    text: str | None = None
    response: str | None = None
    values: Mapping[str, Scalar] = field(default_factory=dict)
    buttons: tuple[Button, ...] = ()
    custom: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of an action: messages and the slots to set (None clears)."""

    messages: tuple[Message, ...]
    slots: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def say(cls, *texts: str, slots: Mapping[str, Any] | None = None) -> Reply:
        """A reply of plain texts."""
        return cls(tuple(Message(text=text) for text in texts), slots or {})


class Ask(Exception):
    """Raised by an action that needs something clearer before it can act.

    `question` is a plain sentence, or the name of a response when it starts with `utter_`.
    """

    def __init__(self, question: str, *buttons: Button, **values: Scalar) -> None:
        super().__init__(question)
        self.question = question
        self.buttons = buttons
        self.values = values

    def as_message(self) -> Message:
        if self.question.startswith("utter_"):
            return Message(response=self.question, values=self.values, buttons=self.buttons)
        return Message(text=self.question, buttons=self.buttons)
