"""The base of the actions that answer from the system of record.

It opens the records, and turns what they refuse into words for the person. A subclass writes
`answer` (and `request_values` where a code is bound to values) and never opens a back end itself.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from actions import several
from actions.date_words import Unclear
from actions.records import open_records
from actions.records.interface import Conflict, InvalidChange, RecordNotFound, SystemOfRecord
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Ask, Button, Reply, Turn

RecordsSource = Callable[[], SystemOfRecord]


def _records_of_this_process() -> SystemOfRecord:
    from gatehouse.runtime import current

    return open_records(current().settings)


_source: RecordsSource = _records_of_this_process


def use_records(source: RecordsSource) -> None:
    """Take the system of record from `source` from now on; a test gives its own database."""
    global _source
    _source = source


def records() -> SystemOfRecord:
    """The system of record."""
    return _source()


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the records or a parser refuse into a question back.

    `Unavailable` passes: the guarded action says that nothing can be done right now.
    """
    try:
        yield
    except (RecordNotFound, InvalidChange, Conflict, Unclear) as refusal:
        raise Ask(refusal.message) from None


class DeskAction(GuardedAction, ABC):
    """A guarded action that answers from the system of record."""

    @abstractmethod
    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        """The answer; what the records refuse becomes a sentence for the person."""

    def perform(self, turn: Turn) -> Reply:
        with in_words():
            reply = self.answer(turn, records())
        return replace(reply, messages=(*reply.messages, *several.offer(turn.text, self.intent)))


def payload(intent: str, entities: Mapping[str, str] | None = None) -> str:
    """What a button stands for; the channel keeps it and gives the browser an opaque id."""
    return f"/{intent}{json.dumps(dict(entities))}" if entities else f"/{intent}"


def button(title: str, intent: str, **entities: str) -> Button:
    """A quick reply that asks for `intent` with `entities`."""
    return Button(title, payload(intent, entities))


def given(turn: Turn, name: str) -> str | None:
    """The value that the message names, or that answered the question about it before.

    The slot holds the answer to "which one?"; it is emptied when the request is made anew.
    """
    named = turn.entity(name)
    if named is not None:
        return named
    kept = turn.slots.get(name)
    return kept if isinstance(kept, str) and kept else None
