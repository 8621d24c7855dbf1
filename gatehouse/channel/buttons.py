"""Quick replies: the browser gets opaque ids, the payloads stay here.

A payload such as `/affirm` is a Rasa command, so a browser may neither see nor send one. An id
works in its own conversation and once, and choosing one button spends all buttons of its message.
Kept in memory: after a restart a button is refused and the person writes instead.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_CONVERSATIONS = 5000
MOST_GROUPS = 20
MOST_BUTTONS = 12

_COMMAND = re.compile(r"/([a-z][a-z0-9_]{0,63})(\{.*\})?", re.DOTALL)
# Rasa's own commands, and the one that only an accepted code may send.
_FORBIDDEN = frozenset({"restart", "back", "session_start", "resume_request"})


class ButtonSpent(Exception):
    """The button is unknown here, or a choice was already made."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button as the bot sent it."""

    title: str
    payload: str


@dataclass(slots=True)
class _Group:
    buttons: dict[str, Button]
    spent_by: str | None = None


@dataclass(slots=True)
class _Conversation:
    groups: OrderedDict[int, _Group] = field(default_factory=OrderedDict)
    next_number: int = 0


class Buttons:
    """The open buttons of all conversations of this process, bounded. Safe to use from threads."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, conversation_id: str, buttons: Sequence[Button]) -> list[dict[str, str]]:
        """Ids and titles to show for `buttons`, which are kept as one group."""
        group = _Group({secrets.token_urlsafe(16): one for one in buttons[:MOST_BUTTONS]})
        with self._lock:
            kept = self._conversations.setdefault(conversation_id, _Conversation())
            self._conversations.move_to_end(conversation_id)
            kept.groups[kept.next_number] = group
            kept.next_number += 1
            while len(kept.groups) > MOST_GROUPS:
                kept.groups.popitem(last=False)
            while len(self._conversations) > MOST_CONVERSATIONS:
                self._conversations.popitem(last=False)
        return _shown(group)

    def take(self, conversation_id: str, button_id: str, message_id: str) -> Button:
        """The button `button_id`, spent by the message `message_id`; raises `ButtonSpent`.

        The same message may take it again, so that a failed turn can be retried.
        """
        with self._lock:
            kept = self._conversations.get(conversation_id)
            for group in kept.groups.values() if kept else ():
                button = group.buttons.get(button_id)
                if button is not None and group.spent_by in (None, message_id):
                    group.spent_by = message_id
                    return button
        raise ButtonSpent

    def still_open(self, conversation_id: str, titles: Sequence[str]) -> list[dict[str, str]]:
        """The buttons of the last message, when they have these titles and none was chosen."""
        with self._lock:
            kept = self._conversations.get(conversation_id)
            if kept is None or not kept.groups:
                return []
            group = next(reversed(kept.groups.values()))
            offered = [button.title for button in group.buttons.values()]
            if group.spent_by is not None or offered != list(titles[:MOST_BUTTONS]):
                return []
            return _shown(group)

    def forget(self, conversation_id: str) -> None:
        """Drop every button of a conversation that has ended."""
        with self._lock:
            self._conversations.pop(conversation_id, None)


def _shown(group: _Group) -> list[dict[str, str]]:
    return [{"id": key, "title": button.title} for key, button in group.buttons.items()]


def command_of(payload: str) -> str | None:
    """`payload` when it is a well-formed command that a button may send, else None."""
    match = _COMMAND.fullmatch(payload.strip())
    if match is None or match[1] in _FORBIDDEN:
        return None
    if match[2] is None:
        return f"/{match[1]}"
    try:
        entities = json.loads(match[2])
    except ValueError:
        return None
    return intent_command(match[1], entities) if isinstance(entities, dict) else None


def intent_command(intent: str, entities: Mapping[str, object]) -> str:
    """The text that makes Rasa take `intent` with `entities` without understanding anything.

    Raises ValueError when `intent` is not the name of an intent.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", intent):
        raise ValueError("not an intent name")
    # ASCII with escapes: no line break can end the pattern that Rasa matches.
    return f"/{intent}{json.dumps(entities)}" if entities else f"/{intent}"
