"""A conversation as words: what was said by whom, read from stored events without Rasa.

Commands that the channel itself sent for a button or after a code are shown as the words that the
person saw. Invisible and direction-changing characters are taken out: what is shown is what is there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from gatehouse.tracker.records import Event

DISPLAY = "display"  # metadata key: words to show instead of a command
RESUMED = "resumed"  # metadata key: the message was sent by the channel after an accepted code

Words = dict[str, Any]
"""`from` (`person`, `bot`, `note`), `text`, `at` (epoch seconds)."""


def words_of(events: Iterable[Event]) -> list[Words]:
    """Everything that was said, oldest first."""
    said = []
    for event in events:
        kind = event.get("event")
        words = _of_person(event) if kind == "user" else _of_bot(event) if kind == "bot" else None
        if words and words["text"]:
            said.append(words)
    return said


def clean(text: object) -> str:
    """`text` without control and format characters; line breaks stay."""
    kept = (
        sign
        for sign in str(text)
        if sign == "\n" or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    return "".join(kept).strip()


def _of_bot(event: Event) -> Words:
    return {"from": "bot", "text": clean(event.get("text") or ""), "at": event.get("timestamp")}


def _of_person(event: Event) -> Words | None:
    metadata = event.get("metadata") or {}
    if metadata.get(RESUMED):
        return {"from": "note", "text": "Confirmed with a code.", "at": event.get("timestamp")}
    text = clean(metadata.get(DISPLAY) or event.get("text") or "")
    if text.startswith("/"):
        return None
    return {"from": "person", "text": text, "at": event.get("timestamp")}
