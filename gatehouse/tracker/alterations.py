"""Finds rows that were altered to look dead, before anything is destroyed for them.

Who can write to the database could have this process destroy a conversation by writing an end or
an expiry into its row. Neither is believed: an end needs its tag, an expiry must be the one that is
sealed. What is found is recorded once, and kept, so that people can look into it. A row that also
claims a day whose keys are gone cannot be told from one that is dead, and one that was deleted is
gone; both are noticed when the conversation is next opened, because its key is still there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing
from gatehouse.keys.nodes import day_is_over
from gatehouse.tracker.end_requests import EndRequests
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.journal import Audit
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import Head, open_head


class Alterations:
    """What was found altered in the rows of the conversations, by this process."""

    def __init__(
        self,
        ring: KeyRing,
        clock: Clock,
        names: Pseudonyms,
        ends: EndRequests,
        audit: Audit | None,
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._names = names
        self._ends = ends
        self._audit = audit
        self._recorded: set[tuple[str, str]] = set()

    def forged_ends(self, rows: Iterable[Any]) -> set[str]:
        """The handles of those whose end nobody asked for."""
        return {
            row.handle
            for row in rows
            if not self._ends.genuine(row) and self._note(row.handle, "end_altered")
        }

    def days(self) -> list[int]:
        """The expiry days that are not over, whose keys live."""
        now = self._clock.now()
        return [day for day in self._ring.tag_keys() if not day_is_over(day, now)]

    def forged_expiries(self, rows: Iterable[Any]) -> set[str]:
        """The handles of those, among rows that claim to have expired, that have not."""
        return {
            row.handle
            for row in rows
            if self._lives(row) and self._note(row.handle, "expiry_altered")
        }

    def _lives(self, row: Any) -> bool:
        try:
            name = self._names.opened_name(row.handle, row.tag_day, row.name)
            entry = self._ring.lookup(name) if name else None
            if entry is None:
                return False
            head: Head = open_head(entry.key, row.handle, bytes(row.head))
        except TrackerTampered:
            return True
        # A shorter life that a crash kept from the ring is sealed in the head all the same.
        return head.expires_at > self._clock.now()

    def _note(self, handle: str, reason: str) -> bool:
        if (handle, reason) not in self._recorded:
            self._recorded.add((handle, reason))
            if self._audit is not None:
                self._audit.append("tamper", reason=reason, record=handle)
        return True
