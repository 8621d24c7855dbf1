"""What a decision may know of a message: how sure its meaning is, and what the slots hold.

Both enforcement points take it from what the language understanding said, in the same way. It must
never carry the text of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST_RUNNERS_UP: Final = 3


@dataclass(frozen=True, slots=True)
class Understanding:
    """The confidence of the intent, the best other meanings, and the slots after the message.

    All numbers are 0 to 1. `margin` is the lead over the best other meaning, None when the ranking is
    not known; `runners_up` is empty then, because some classifiers rank nothing.
    """

    confidence: float | None = None
    runners_up: tuple[tuple[str, float], ...] = ()
    margin: float | None = None
    slots: Mapping[str, str] = field(default_factory=dict)


def understood(
    intent: Mapping[str, Any], ranking: object, slots: Mapping[str, Any]
) -> Understanding:
    """The understanding in a parsed message: its `intent`, its `intent_ranking`, and all slots."""
    confidence = _confidence(intent)
    if not isinstance(ranking, list):
        return Understanding(confidence, slots=as_texts(slots))
    others = [
        (str(item["name"]), sure)
        for item in ranking
        if isinstance(item, Mapping)
        and item.get("name")
        and item["name"] != intent.get("name")
        and (sure := _confidence(item)) is not None
    ]
    best = tuple(sorted(others, key=lambda other: -other[1])[:MOST_RUNNERS_UP])
    margin = None
    if confidence is not None:
        margin = min(max(confidence - (best[0][1] if best else 0.0), 0.0), 1.0)
    return Understanding(confidence, best, margin, as_texts(slots))


def as_texts(slots: Mapping[str, Any]) -> dict[str, str]:
    """Slots as rules compare them: text, empty when unset. What is a list or the like is left out,
    so it is not known."""
    found: dict[str, str] = {}
    for name, value in slots.items():
        if value is None or isinstance(value, str):
            found[name] = value or ""
        elif isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, int | float):
            found[name] = f"{value:g}"
    return found


def _confidence(intent: Mapping[str, Any]) -> float | None:
    value = intent.get("confidence")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
