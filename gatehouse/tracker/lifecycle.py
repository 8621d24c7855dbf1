"""How conversations begin, end and die.

An ending is first written down and then carried out: the key goes first, then the rows. Whatever
is cut off in between is completed by the next purge. Deleting a row without ending its key must
never count as erasure here. All methods block; call them in a worker thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing
from gatehouse.settings import Retention
from gatehouse.tracker.alterations import Alterations
from gatehouse.tracker.end_requests import END, ERASURE
from gatehouse.tracker.endings import Ended, Endings, Traces
from gatehouse.tracker.journal import Audit, Journal
from gatehouse.tracker.lifetimes import Lifetime, RetentionOf, no_classes
from gatehouse.tracker.receipts import Receipt
from gatehouse.tracker.records import Event, Head
from gatehouse.tracker.removal import remove
from gatehouse.tracker.rows import with_tags
from gatehouse.tracker.schema import conversations
from gatehouse.tracker.scrub import Scrubber
from gatehouse.tracker.transactions import changing, snapshot

# A turn that asked for its own end is over by then; purging earlier would make its reply fail.
_GRACE: Final = 120.0
_STEP: Final = 1000  # expired conversations per transaction, about
_MOST_ALTERED: Final = (
    5000  # in one purge; a database that is all lies is left for people to look at
)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: endings carried out, keys expired, conversations and records deleted.

    `overdue` is how many seconds ago the first of them had expired: never readable since, but not
    removed yet. `altered` conversations were kept: their rows claim an end or an expiry that nobody
    gave them.
    """

    ended: tuple[Ended, ...]
    keys: int
    conversations: int
    records: int
    overdue: float = 0.0
    altered: int = 0


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
        traces: Traces | None = None,
    ) -> None:
        self.life = Lifetime.of(retention, retention_of)
        self._journal = Journal(engine, ring, clock, self.life, audit)
        self._endings = Endings(
            engine, ring, clock, self._journal.names, retention.on_end == "keep", traces
        )
        self._alterations = Alterations(ring, clock, self._journal.names, self._journal.ends, audit)
        self._scrubber = Scrubber(engine, clock)
        self._engine = engine
        self._ring = ring
        self._clock = clock

    def started(self, conversation_id: str, person_id: str) -> None:
        """Register the conversation as this person's; call it before every turn, it is idempotent.

        A conversation whose end was asked for is destroyed first and begins anew. Raises
        `ConversationOwned`, `TrackerTampered`, `TrackerUnavailable`.
        """
        if self._journal.belongs_to(conversation_id, person_id):
            return
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

    def erase_traces(self, person_id: str) -> Receipt:
        """The erasure of somebody who has no conversation; the receipt."""
        return self._endings.erase_traces(person_id)

    def purge(self) -> Purged:
        """Complete endings that were cut off, end expired keys, delete the rows of the dead.

        What a legal hold keeps is closed instead of deleted. Rows that were altered to look dead
        are kept, recorded and counted.
        """
        now = self._clock.now()
        overdue = self._overdue(now)
        late = conversations.c.end_requested_at <= now - _GRACE
        forged: set[str] = set()

        def find(connection: Connection) -> list[Any]:
            rows = _rows(connection, late)
            forged.update(self._alterations.forged_ends(rows))
            return [row for row in rows if row.handle not in forged]

        ended = self._finish(find)
        keys = self._ring.drop_expired()
        gone, turns, altered = self._remove_expired(now)
        self._scrubber.after(gone)
        return Purged(tuple(ended), keys, gone, turns, overdue, len(forged | altered))

    def summary(self, person_id: str) -> tuple[Summary, ...]:
        """What is stored of this person's living conversations, oldest first."""
        return tuple(self._summary(head) for head in self._heads_of(person_id))

    def conversation_ids(self, person_id: str) -> tuple[str, ...]:
        """The ids of this person's living conversations, oldest first."""
        return tuple(head.conversation_id for head in self._heads_of(person_id))

    def everything(self, person_id: str) -> list[tuple[Summary, list[Event]]]:
        """All events of this person's living conversations, oldest first, for an export.

        Raises `TrackerTampered` when one of them does not open: an export must not leave out in
        silence.
        """
        found = []
        for head in self._heads_of(person_id):
            reading = self._journal.read(head.conversation_id, whole=True)
            found.append((self._summary(head), reading.events if reading else []))
        return found

    def _summary(self, head: Head) -> Summary:
        fixed = self.life.from_start or head.deadline is not None
        return Summary(head.started_at, head.last_message_at, head.expires_at, head.sequence, fixed)

    def _heads_of(self, person_id: str) -> list[Head]:
        """The heads of this person's living conversations, oldest first."""
        c = conversations.c
        tags = self._journal.names.person_tags(person_id)
        with snapshot(self._engine) as connection:
            rows = _rows(connection, c.person_tag.in_(tags) & (c.expires_at > self._clock.now()))
        heads = [head for row in rows if (head := self._endings.head(row))]
        mine = [head for head in heads if head.person_id == person_id]
        return sorted(mine, key=lambda head: head.started_at)

    def _remove_expired(self, now: float) -> tuple[int, int, set[str]]:
        """Delete in small transactions: nobody's turn may wait for a whole day's rows."""
        c = conversations.c
        altered: set[str] = set()
        gone = turns = 0
        while True:
            expired = sa.and_(c.expires_at <= now, c.closed_at.is_(None), c.handle.not_in(altered))
            later = (
                sa.select(c.expires_at).where(expired).order_by(c.expires_at).offset(_STEP).limit(1)
            )
            with changing(self._engine) as connection:
                until = connection.execute(later).scalar()
                which = expired if until is None else sa.and_(expired, c.expires_at <= until)
                claimed = _rows(connection, sa.and_(which, c.tag_day.in_(self._alterations.days())))
                found = self._alterations.forged_expiries(claimed)
                done = remove(connection, sa.and_(which, c.handle.not_in(found)), now)
            gone, turns, altered = gone + done[0], turns + done[1], altered | found
            if until is None or len(altered) > _MOST_ALTERED:
                return gone, turns, altered

    def _overdue(self, now: float) -> float:
        c = conversations.c
        oldest = sa.select(sa.func.min(c.expires_at)).where(c.closed_at.is_(None))
        with snapshot(self._engine) as connection:
            first = connection.execute(oldest).scalar()
        return 0.0 if first is None else max(0.0, now - first)

    def _request(self, which: Any, reason: str) -> int:
        """An erasure overrides an end, because it reaches further, and both what was forged."""
        now, asked = self._clock.now(), 0
        with changing(self._engine) as connection:
            found = sa.select(conversations).where(which).with_for_update()
            for row in connection.execute(found).fetchall():
                genuine = self._journal.ends.genuine(row)
                if genuine and row.end_reason in (reason, ERASURE):
                    continue
                columns = self._journal.ends.columns(row.handle, reason, now)
                mine = conversations.c.handle == row.handle
                connection.execute(sa.update(conversations).where(mine).values(**columns))
                asked += 1
        return asked

    def _requested(self, connection: Connection, conversation_id: str | None) -> list[Any]:
        asked = conversations.c.end_requested_at.is_not(None)
        if conversation_id is None:
            return self._asked(_rows(connection, asked))
        tags = self._journal.names.conversation_tags(conversation_id)
        rows = self._asked(with_tags(connection, tags))
        heads = [self._endings.head(row) for row in rows if row.end_reason == ERASURE]
        people = {head.person_id for head in heads if head}
        others = [
            row
            for person_id in people - {None}
            for row in self._requested_of(connection, str(person_id))
        ]
        return list({row.handle: row for row in [*rows, *others]}.values())

    def _requested_of(self, connection: Connection, person_id: str) -> list[Any]:
        tags = self._journal.names.person_tags(person_id)
        asked = conversations.c.end_requested_at.is_not(None)
        return self._asked(_rows(connection, asked & conversations.c.person_tag.in_(tags)))

    def _asked(self, rows: list[Any]) -> list[Any]:
        """Those whose end somebody asked for who may."""
        forged = self._alterations.forged_ends(rows)
        return [
            row for row in rows if row.end_requested_at is not None and row.handle not in forged
        ]

    def _finish(self, find: Any) -> list[Ended]:
        ended = self._endings.carry_out(find)
        self._scrubber.after(len(ended))
        return ended


def _rows(connection: Connection, which: Any) -> list[Any]:
    return list(connection.execute(sa.select(conversations).where(which)).fetchall())
