"""How long a conversation lives.

Two limits, whichever comes first: the time to live of the settings, counted from the last message or
from the start; and, once something of a retention class was asked, that class, counted from the
moment it was asked. A class never prolongs a life and no later message moves its limit. Nothing
here knows a table or a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse.settings import Retention

RetentionOf = Callable[[str], int | None]
"""Seconds for which what was said about an intent may be kept; None when no class limits it."""


def no_classes(_intent: str) -> int | None:
    """No class limits anything."""
    return None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The limits of one deployment; `ttl` in seconds."""

    ttl: float
    from_start: bool = False
    retention_of: RetentionOf = no_classes

    @classmethod
    def of(cls, retention: Retention, retention_of: RetentionOf = no_classes) -> Lifetime:
        """The limits as the settings and the policies say them."""
        return cls(retention.ttl, retention.counts_from == "start", retention_of)

    def expires_at(self, started_at: float, now: float, deadline: float | None) -> float:
        """When a conversation with a message at `now` can no longer be read (epoch seconds)."""
        ends = (started_at if self.from_start else now) + self.ttl
        return ends if deadline is None else min(ends, deadline)

    def deadline(
        self, before: float | None, events: Iterable[Mapping[str, Any]], now: float
    ) -> float | None:
        """The earliest limit of a class, with `events` (as dictionaries) stored at `now`.

        A message whose intent is not known counts as one that the policies do not know.
        """
        limits = [before] if before is not None else []
        for event in events:
            if event.get("event") == "user":
                kept = self.retention_of(_intent(event))
                limits += [now + kept] if kept is not None else []
        return min(limits, default=None)


def _intent(event: Mapping[str, Any]) -> str:
    parsed = event.get("parse_data") or {}
    return str((parsed.get("intent") or {}).get("name") or "")
