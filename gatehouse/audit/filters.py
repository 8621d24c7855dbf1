"""Picks entries by what they say: kind, intent, rule, request, time, and by whom or which conversation.

People and conversations are given as pseudonyms here; who has the identity computes them with
`AuditLog.pseudonyms`, as long as their keys live.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from gatehouse.audit.reader import Entry
from gatehouse.clock import as_iso
from gatehouse.errors import InvalidInput
from gatehouse.settings import parse_duration

_FORMS = "a date (2026-11-25), a time in UTC (2026-11-25T14:00), or how long ago (90m, 7d)"


@dataclass(frozen=True, slots=True)
class Filter:
    """What an entry must be like; an empty field asks for nothing. Times are RFC 3339 in UTC.

    Request ids and pseudonyms may be their beginnings, as a line shows them.
    """

    kinds: frozenset[str] = frozenset()
    intents: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    people: frozenset[str] | None = None
    conversations: frozenset[str] | None = None
    since: str = ""
    until: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it lets every entry through."""
        return self == Filter()

    def lets_through(self, body: dict[str, Any]) -> bool:
        """Whether the entry with `body` is wanted."""
        return (
            (not self.kinds or body.get("kind") in self.kinds)
            and (not self.intents or body.get("intent") in self.intents)
            and (not self.rules or body.get("rule") in self.rules)
            and (not self.requests or _begins(body.get("request_id"), self.requests))
            and (self.people is None or _begins(body.get("person"), self.people))
            and (
                self.conversations is None or _begins(body.get("conversation"), self.conversations)
            )
            and (not self.since or str(body.get("at", "")) >= self.since)
            and (not self.until or str(body.get("at", "")) < self.until)
        )

    def apply(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, dict[str, Any]]]:
        """The wanted entries with their bodies."""
        for entry in entries:
            body = entry.facts()
            if self.lets_through(body):
                yield entry, body


def _begins(value: object, wanted: frozenset[str]) -> bool:
    return isinstance(value, str) and value.startswith(tuple(wanted))


def read_time(text: str, now: float, option: str) -> str:
    """`text` as RFC 3339 in UTC, comparable with the time of an entry; raises `InvalidInput`."""
    if not text:
        return ""
    if re.fullmatch(r"[1-9]\d{0,8}\s*[smhd]", text):
        try:
            return as_iso(now - parse_duration(text, option))
        except (ValueError, OverflowError) as error:  # before the first year there is
            raise InvalidInput(f"{option}: {text!r} is not a time", _FORMS) from error
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{option}: {text!r} is not a time", _FORMS) from error
    if len(text) <= 10:
        moment = datetime.combine(moment.date(), time())
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise InvalidInput(f"{option}: {text!r} is not a time", _FORMS) from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
