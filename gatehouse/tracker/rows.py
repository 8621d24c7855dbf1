"""The row of a conversation, checked against what is sealed in it and against the key ring.

What the row says in the open (times, pseudonyms) must be what its sealed head says, and the head
must not be older than the position in the ring. Every difference is `TrackerTampered`; nothing
here may explain one away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.clock import Clock
from gatehouse.keys.nodes import expiry_day
from gatehouse.tracker.end_requests import EndRequests
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.pseudonyms import Pseudonyms, Sight
from gatehouse.tracker.records import Head, open_head, seal_head
from gatehouse.tracker.schema import conversations


def with_tags(connection: Connection, tags: Sequence[bytes], *, lock: bool = False) -> list[Any]:
    """The rows that have one of `tags`."""
    values = {f"tag_{number}": tag for number, tag in enumerate(tags)}
    return list(connection.execute(_with_tags(len(tags), lock), values).fetchall())


@lru_cache(maxsize=64)
def _with_tags(tags: int, lock: bool) -> sa.sql.Select:
    # Kept: to build a statement takes several times as long as to run it.
    names = [sa.bindparam(f"tag_{number}") for number in range(tags)]
    found = sa.select(conversations).where(conversations.c.tag.in_(names))
    return found.with_for_update() if lock else found


@dataclass(frozen=True, slots=True)
class Live:
    """A living conversation: its data key, its row and its opened head."""

    key: bytes
    handle: str
    head: Head


class Rows:
    """Finds, checks and fills rows of `gh_conversations`."""

    def __init__(self, names: Pseudonyms, ends: EndRequests, clock: Clock) -> None:
        self._names = names
        self._ends = ends
        self._clock = clock

    def live(
        self, connection: Connection, conversation_id: str, sight: Sight, lock: bool = False
    ) -> Live | None:
        """The conversation as the database and the ring agree on it; None when there is none.

        `sight` is what the ring said before the transaction of `connection` began.
        """
        now, entry = self._clock.now(), sight.entry
        # Who goes on to write must also see a row that was begun in a bucket newer than `sight`.
        tags = (
            self._names.conversation_tags(conversation_id) if lock else sight.tags(conversation_id)
        )
        row = self._row(connection, tags, lock)
        if row is None:
            if entry is not None and entry.position > 0:
                raise TrackerTampered("conversation_missing")
            return None
        if entry is None:
            if now < row.expires_at and row.end_requested_at is None:
                raise TrackerTampered("key_missing")
            return None
        head = open_head(entry.key, row.handle, bytes(row.head))
        _check(row, head, conversation_id, sight, entry.position)
        if not self._ends.genuine(row):
            # What is said to a conversation that waits for its end would be lost.
            raise TrackerTampered("end_altered")
        if row.end_requested_at is not None and not lock:
            return None
        return Live(entry.key, row.handle, head) if now < head.expires_at else None

    def _row(self, connection: Connection, tags: list[bytes], lock: bool) -> Any:
        rows = with_tags(connection, tags, lock=lock)
        if len(rows) > 1:
            raise TrackerTampered("conversation_doubled")
        return rows[0] if rows else None

    def columns(self, key: bytes, handle: str, head: Head) -> dict[str, Any]:
        return {
            **self._names.columns(handle, head.conversation_id, head.person_id, head.expires_at),
            "tag_day": expiry_day(head.expires_at),
            "started_at": head.started_at,
            "last_message_at": head.last_message_at,
            "expires_at": head.expires_at,
            "head": seal_head(key, handle, head),
        }


def _check(row: Any, head: Head, conversation_id: str, sight: Sight, position: int) -> None:
    if head.conversation_id != conversation_id:
        raise TrackerTampered("conversation_exchanged")
    if head.sequence < position:
        raise TrackerTampered("put_back")
    times = (row.started_at, row.last_message_at, row.expires_at)
    if times != (head.started_at, head.last_message_at, head.expires_at):
        raise TrackerTampered("times_altered")
    if not sight.person_matches(row.person_tag, row.tag_day, head.person_id):
        raise TrackerTampered("person_altered")
