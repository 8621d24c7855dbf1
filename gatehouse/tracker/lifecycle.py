"""How conversations begin, end and die.

An ending is first written down and then carried out: the key goes first, then the rows. Whatever
is cut off in between is completed by the next purge. Deleting a row without ending its key must
never count as erasure here. All methods block; call them in a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing
from gatehouse.settings import Retention
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.journal import Audit, Journal
from gatehouse.tracker.lifetimes import Lifetime, RetentionOf, no_classes
from gatehouse.tracker.records import Head, open_head
from gatehouse.tracker.schema import conversations, records
from gatehouse.tracker.transactions import changing, snapshot, translated

END: Final = "end"
ERASURE: Final = "erasure"
# A turn that asked for its own end is over by then; purging earlier would make its reply fail.
_GRACE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation that has ended, for the audit log.

    `reason` is "end" or "erasure". The ids are None when an earlier attempt had already ended the
    key. `erased_at` and `irreversible_at` (no copy of the key can come back; epoch seconds) are
    None when the setting `retention.on_end = "keep"` lets it live until it expires.
    """

    conversation_id: str | None
    person_id: str | None
    reason: str
    erased_at: float | None
    irreversible_at: float | None


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: endings carried out, keys expired, conversations and records deleted."""

    ended: tuple[Ended, ...]
    keys: int
    conversations: int
    records: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What is stored of one conversation: times in epoch seconds and the number of turns.

    `fixed` is true when another message would not let it live longer.
    """

    started_at: float
    last_message_at: float
    expires_at: float
    turns: int
    fixed: bool = False


class Conversations:
    """The lives of the conversations in `engine`: `retention` says how long and what an end does."""

    def __init__(
        self,
        engine: Engine,
        ring: KeyRing,
        clock: Clock,
        retention: Retention,
        audit: Audit | None = None,
        retention_of: RetentionOf = no_classes,
    ) -> None:
        self.life = Lifetime.of(retention, retention_of)
        self._journal = Journal(engine, ring, clock, self.life, audit)
        self._keep = retention.on_end == "keep"
        self._engine = engine
        self._ring = ring
        self._clock = clock

    def started(self, conversation_id: str, person_id: str) -> None:
        """Register the conversation as this person's; call it before every turn, it is idempotent.

        A conversation whose end was asked for is destroyed first and begins anew. Raises
        `ConversationOwned`, `TrackerTampered`, `TrackerUnavailable`.
        """
        self.carry_out(conversation_id)
        self._journal.register(conversation_id, person_id)

    def request_end(self, conversation_id: str) -> bool:
        """Write down that the conversation shall be destroyed after this turn; False if unknown."""
        tags = self._journal.names.conversation_tags(conversation_id)
        return self._request(conversations.c.tag.in_(tags), END) > 0

    def request_erasure(self, person_id: str) -> int:
        """Write down that all conversations of the person shall be destroyed; how many."""
        tags = self._journal.names.person_tags(person_id)
        return self._request(conversations.c.person_tag.in_(tags), ERASURE)

    def carry_out(self, conversation_id: str | None = None) -> list[Ended]:
        """Destroy what was asked for: this conversation and, if it asked for the erasure of its
        person, that person's others; without an id, everything that was asked for.

        Raises `KeyRingUnavailable` or `TrackerUnavailable`; the request then stays written down.
        """
        return self._finish(lambda connection: self._requested(connection, conversation_id))

    def destroy(self, conversation_id: str) -> list[Ended]:
        """`request_end` and `carry_out` in one."""
        self.request_end(conversation_id)
        return self.carry_out(conversation_id)

    def erase_person(self, person_id: str) -> list[Ended]:
        """`request_erasure` and its carrying out in one."""
        self.request_erasure(person_id)
        return self._finish(lambda connection: self._requested_of(connection, person_id))

    def purge(self) -> Purged:
        """Complete endings that were cut off, end expired keys, delete the rows of the dead."""
        before = self._clock.now() - _GRACE
        ended = self._finish(
            lambda connection: _rows(connection, conversations.c.end_requested_at <= before)
        )
        keys = self._ring.drop_expired()
        expired = conversations.c.expires_at <= self._clock.now()
        with changing(self._engine) as connection:
            handles = sa.select(conversations.c.handle).where(expired)
            turns = connection.execute(sa.delete(records).where(records.c.handle.in_(handles)))
            gone = connection.execute(sa.delete(conversations).where(expired))
        if gone.rowcount or ended:
            self._empty_write_ahead_log()
        return Purged(tuple(ended), keys, gone.rowcount, turns.rowcount)

    def summary(self, person_id: str) -> tuple[Summary, ...]:
        """What is stored of this person's living conversations, oldest first."""
        return tuple(
            Summary(
                head.started_at,
                head.last_message_at,
                head.expires_at,
                head.sequence,
                self.life.from_start or head.deadline is not None,
            )
            for head in self._heads_of(person_id)
        )

    def conversation_ids(self, person_id: str) -> tuple[str, ...]:
        """The ids of this person's living conversations, oldest first."""
        return tuple(head.conversation_id for head in self._heads_of(person_id))

    def _heads_of(self, person_id: str) -> list[Head]:
        """The heads of this person's living conversations, oldest first."""
        c = conversations.c
        tags = self._journal.names.person_tags(person_id)
        with snapshot(self._engine) as connection:
            rows = _rows(connection, c.person_tag.in_(tags) & (c.expires_at > self._clock.now()))
        heads = [self._head(row) for row in rows]
        mine = [head for head in heads if isinstance(head, Head) and head.person_id == person_id]
        return sorted(mine, key=lambda head: head.started_at)

    def _request(self, which: Any, reason: str) -> int:
        """An erasure overrides an end, because it reaches further."""
        open_ = conversations.c.end_requested_at.is_(None)
        if reason == ERASURE:
            open_ = sa.or_(open_, conversations.c.end_reason != ERASURE)
        with changing(self._engine) as connection:
            done = connection.execute(
                sa.update(conversations)
                .where(which, open_)
                .values(end_requested_at=self._clock.now(), end_reason=reason)
            )
        return int(done.rowcount)

    def _requested(self, connection: Connection, conversation_id: str | None) -> list[Any]:
        asked = conversations.c.end_requested_at.is_not(None)
        if conversation_id is None:
            return _rows(connection, asked)
        tags = self._journal.names.conversation_tags(conversation_id)
        rows = _rows(connection, asked & conversations.c.tag.in_(tags))
        people = {self._head(row).person_id for row in rows if row.end_reason == ERASURE}
        others = [
            row
            for person_id in people - {None}
            for row in self._requested_of(connection, str(person_id))
        ]
        return list({row.handle: row for row in [*rows, *others]}.values())

    def _requested_of(self, connection: Connection, person_id: str) -> list[Any]:
        tags = self._journal.names.person_tags(person_id)
        asked = conversations.c.end_requested_at.is_not(None)
        return _rows(connection, asked & conversations.c.person_tag.in_(tags))

    def _finish(self, find: Callable[[Connection], list[Any]]) -> list[Ended]:
        with snapshot(self._engine) as connection:
            rows = find(connection)
        kept = [row for row in rows if self._keep and row.end_reason == END]
        return [*self._let_live(kept), *self._destroy([row for row in rows if row not in kept])]

    def _let_live(self, rows: list[Any]) -> list[Ended]:
        if not rows:
            return []
        c = conversations.c
        with changing(self._engine) as connection:
            connection.execute(
                sa.update(conversations)
                .where(c.handle.in_([row.handle for row in rows]), c.end_reason == END)
                .values(end_requested_at=None, end_reason=None)
            )
        heads = [self._head(row) for row in rows]
        return [Ended(h.conversation_id, h.person_id, END, None, None) for h in heads]

    def _destroy(self, rows: list[Any]) -> list[Ended]:
        if not rows:
            return []
        heads = [self._head(row) for row in rows]
        names = [self._journal.names.opened_name(r.handle, r.tag_day, r.name) for r in rows]
        self._ring.destroy(name for name in names if name)
        erased_at = self._clock.now()
        self._delete([row.handle for row in rows])
        irreversible_at = self._ring.irreversible_at(erased_at)
        return [
            Ended(head.conversation_id, head.person_id, row.end_reason, erased_at, irreversible_at)
            for row, head in zip(rows, heads, strict=True)
        ]

    def _head(self, row: Any) -> Head | _Unknown:
        """Whose conversation a row is; unknown when its key is gone or its head was altered."""
        try:
            name = self._journal.names.opened_name(row.handle, row.tag_day, row.name)
            entry = self._ring.lookup(name) if name else None
            return open_head(entry.key, row.handle, bytes(row.head)) if entry else _UNKNOWN
        except TrackerTampered:
            return _UNKNOWN

    def _delete(self, handles: list[str]) -> None:
        with changing(self._engine) as connection:
            connection.execute(sa.delete(records).where(records.c.handle.in_(handles)))
            connection.execute(sa.delete(conversations).where(conversations.c.handle.in_(handles)))

    def _empty_write_ahead_log(self) -> None:
        """Deleted rows stay in SQLite's -wal file until it is truncated."""
        if self._engine.dialect.name != "sqlite":
            return
        with translated():
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.close()


@dataclass(frozen=True, slots=True)
class _Unknown:
    conversation_id: None = None
    person_id: None = None


_UNKNOWN: Final = _Unknown()


def _rows(connection: Connection, which: Any) -> list[Any]:
    return list(connection.execute(sa.select(conversations).where(which)).fetchall())
