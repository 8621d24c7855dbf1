"""Reads and writes sealed conversations; the tracker store without Rasa.

A conversation lives in two places that must agree: rows in the database and its key, with the
position of the last record, in the key ring. The database is written first, so it may be ahead of
the ring after a crash but never behind it; a database that is behind was put back. Any
disagreement is an error, never an empty conversation. All methods block.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing, UnknownKey
from gatehouse.tracker.end_requests import EndRequests
from gatehouse.tracker.errors import (
    ConversationEnded,
    ConversationOwned,
    TrackerConflict,
    TrackerTampered,
)
from gatehouse.tracker.lifetimes import Lifetime
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import (
    Event,
    Head,
    Snapshot,
    Turn,
    open_head,
    open_snapshot,
    open_turns,
    seal_snapshot,
    seal_turn,
)
from gatehouse.tracker.removal import remove
from gatehouse.tracker.rows import Live, Rows
from gatehouse.tracker.schema import conversations, records, snapshots
from gatehouse.tracker.transactions import changing, snapshot

T = TypeVar("T")

# Built once: to build a statement takes several times as long as to run it.
_counted = records.alias("counted")
_ALL: Final = (
    sa.select(sa.func.count())
    .select_from(_counted)
    .where(_counted.c.handle == sa.bindparam("of"), _counted.c.sequence >= 1)
    .scalar_subquery()
)
_RECORDS: Final = (
    sa.select(records.c.sequence, records.c.envelope, _ALL)
    .where(records.c.handle == sa.bindparam("of"), records.c.sequence >= sa.bindparam("first"))
    .order_by(records.c.sequence)
)
_ADD_RECORD: Final = sa.insert(records)
_SNAPSHOT: Final = sa.select(snapshots.c.envelope).where(snapshots.c.handle == sa.bindparam("of"))
_ADD_SNAPSHOT: Final = sa.insert(snapshots)
_DROP_SNAPSHOT: Final = sa.delete(snapshots).where(snapshots.c.handle == sa.bindparam("of"))
_UPDATE: Final = sa.update(conversations).where(conversations.c.handle == sa.bindparam("of"))


class Audit(Protocol):
    """The part of the audit log that is needed here."""

    def append(
        self, kind: str, *, conversation: str | None = None, reason: str, record: str | None = None
    ) -> int:
        """`record` is the handle of a row: random, of this table alone, and gone with it."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """Which state of a conversation a tracker was read from.

    `handle` is None when there was none; `sequence` is its last record and `events` the number of
    stored events that the tracker holds. They are those of `snapshot`, if there is one, followed by
    those of `turns`, which is None when it is not known.
    """

    handle: str | None = None
    sequence: int = 0
    events: int = 0
    snapshot: Snapshot | None = None
    turns: tuple[Turn, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The events of a conversation and the mark to give back when adding to it."""

    events: list[Event]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Addition:
    """What a turn adds: its events and, if the window moves, what is read from now on.

    `folded` records of the mark are in `snapshot` and need not be read again. Without a snapshot but
    with `whole`, the next turn reads the whole session.
    """

    events: Sequence[Event]
    snapshot: Snapshot | None = None
    folded: int = 0
    whole: bool = False


class Journal:
    """Sealed conversations in `engine` with keys in `ring`; each lives as `life` says."""

    def __init__(
        self,
        engine: Engine,
        ring: KeyRing,
        clock: Clock,
        life: Lifetime,
        audit: Audit | None = None,
    ) -> None:
        self._engine = engine
        self._ring = ring
        self._clock = clock
        self.names = Pseudonyms(ring)
        self.ends = EndRequests(ring)
        self._rows = Rows(self.names, self.ends, clock)
        self._life = life
        self._audit = audit

    def read(
        self,
        conversation_id: str,
        *,
        whole: bool,
        serves: Callable[[Snapshot], bool] | None = None,
    ) -> Reading | None:
        """The last session, or the `whole` conversation; None when there is none or it expired.

        With `serves`, a snapshot for which it is true stands for the beginning of the session.
        Raises `TrackerTampered`, `TrackerUnavailable`.
        """
        return self._agreed(conversation_id, lambda: self._read(conversation_id, whole, serves))

    def mark(self, conversation_id: str) -> Mark:
        """The mark of the present state, for a tracker that holds no stored event."""

        def look() -> Mark:
            sight = self.names.sight(conversation_id)
            with snapshot(self._engine) as connection:
                live = self._rows.live(connection, conversation_id, sight)
            return Mark(live.handle, live.head.sequence) if live else Mark()

        return self._agreed(conversation_id, look)

    def append(
        self, conversation_id: str, mark: Mark | None, new: Callable[[int], Addition]
    ) -> Mark:
        """Add one record with the events that `new` returns; the mark afterwards.

        `new` is given how many of the caller's events are stored already. Without a `mark` those
        are the events of the last session, as in Rasa's own SQL store. Raises `ConversationEnded`
        when the conversation of `mark` is gone, `TrackerConflict` when it has moved on,
        `TrackerTampered`, `TrackerUnavailable`, `EventRefused`.
        """

        def write() -> tuple[Mark, Head | None]:
            sight = self.names.sight(conversation_id)
            with changing(self._engine) as connection:
                live = self._rows.live(connection, conversation_id, sight, lock=True)
                _check_mark(mark, live)
                held = mark.events if mark else live.head.session_events if live else 0
                added = new(held)
                if not added.events:
                    return Mark(live.handle, live.head.sequence, held) if live else Mark(), None
                live = live or self._begin(connection, conversation_id, None)
                head = self._add(connection, live, mark, added)
            return Mark(live.handle, head.sequence, held + len(added.events)), head

        after, head = self._agreed(conversation_id, write)
        if head is not None:
            self._advance(self.names.ring_name(conversation_id), head, after.handle)
        return after

    def belongs_to(self, conversation_id: str, person_id: str) -> bool:
        """Whether it lives, belongs to `person_id`, and nobody asked for its end."""

        def look() -> bool:
            sight = self.names.sight(conversation_id)
            with snapshot(self._engine) as connection:
                live = self._rows.live(connection, conversation_id, sight)
            return live is not None and live.head.person_id == person_id

        return self._agreed(conversation_id, look)

    def register(self, conversation_id: str, person_id: str) -> None:
        """Make sure that the conversation exists and belongs to `person_id`.

        Raises `ConversationOwned` when it belongs to someone else.
        """

        def write() -> None:
            sight = self.names.sight(conversation_id)
            with changing(self._engine) as connection:
                live = self._rows.live(connection, conversation_id, sight, lock=True)
                if live is None:
                    self._begin(connection, conversation_id, person_id)
                elif live.head.person_id is None:
                    self._set_person(connection, live, person_id)
                elif live.head.person_id != person_id:
                    raise ConversationOwned("this conversation belongs to someone else")

        self._agreed(conversation_id, write)

    def heads(self) -> list[Head]:
        """The heads of all living conversations. Raises `TrackerTampered`."""
        with snapshot(self._engine) as connection:
            living = sa.select(conversations).where(conversations.c.closed_at.is_(None))
            rows = connection.execute(living).fetchall()
        found = []
        for row in rows:
            name = self.names.opened_name(row.handle, row.tag_day, row.name)
            entry = self._ring.lookup(name) if name else None
            if not self.ends.genuine(row):
                raise TrackerTampered("end_altered")
            if entry is not None and row.end_requested_at is None:
                found.append(open_head(entry.key, row.handle, bytes(row.head)))
        return [head for head in found if self._clock.now() < head.expires_at]

    def _agreed(self, conversation_id: str, work: Callable[[], T]) -> T:
        """`work`, tried again once: ring and database are looked at one after the other, and an
        erasure in between looks like a disagreement."""
        try:
            return work()
        except TrackerTampered:
            pass
        try:
            return work()
        except TrackerTampered as error:
            if self._audit is not None:
                self._audit.append("tamper", conversation=conversation_id, reason=error.reason)
            raise

    def _read(
        self, conversation_id: str, whole: bool, serves: Callable[[Snapshot], bool] | None
    ) -> Reading | None:
        sight = self.names.sight(conversation_id)
        with snapshot(self._engine) as connection:
            live = self._rows.live(connection, conversation_id, sight)
            if live is None:
                return None
            folded = None
            if serves and not whole and live.head.window_sequence:
                folded = self._snapshot(connection, live)
                folded = folded if serves(folded) else None
            first = live.head.first(whole=whole, window=folded is not None)
            wanted = {"of": live.handle, "first": first.sequence}
            rows = connection.execute(_RECORDS, wanted).fetchall()
        if any(count != live.head.sequence for *_, count in rows):
            # Also of what lies before the window, which is not opened now.
            raise TrackerTampered("records_missing_or_added")
        found = [(n, bytes(e)) for n, e, _ in rows]
        turns = open_turns(live.key, live.handle, live.head, found, first)
        events = [*(folded.events if folded else ()), *(e for turn in turns for e in turn.events)]
        mark = Mark(
            live.handle, live.head.sequence, len(events), folded, None if whole else tuple(turns)
        )
        return Reading(events, mark)

    def _snapshot(self, connection: Connection, live: Live) -> Snapshot:
        envelope = connection.execute(_SNAPSHOT, {"of": live.handle}).scalar()
        return open_snapshot(live.key, live.handle, live.head, envelope and bytes(envelope))

    def _begin(self, connection: Connection, conversation_id: str, person_id: str | None) -> Live:
        """A new row for a conversation that has none alive; what is left of a dead one goes."""
        now = self._clock.now()
        expires_at = self._life.expires_at(now, now, None)
        tags = self.names.conversation_tags(conversation_id)
        remove(connection, conversations.c.tag.in_(tags), now)
        key = self._ring.data_key(self.names.ring_name(conversation_id), expires_at)
        head = Head(conversation_id, person_id, now, now, expires_at)
        handle = secrets.token_hex(16)
        values = self._rows.columns(key, handle, head)
        connection.execute(sa.insert(conversations).values(handle=handle, **values))
        return Live(key, handle, head)

    def _add(self, connection: Connection, live: Live, mark: Mark | None, added: Addition) -> Head:
        now = self._clock.now()
        envelope = seal_turn(live.key, live.handle, live.head, added.events)
        deadline = self._life.deadline(live.head.deadline, added.events, now)
        expires_at = self._life.expires_at(live.head.started_at, now, deadline)
        head = live.head.after(added.events, envelope, now, expires_at, deadline)
        values = {"handle": live.handle, "sequence": head.sequence, "envelope": envelope}
        connection.execute(_ADD_RECORD, values)
        head = self._move_window(connection, live, head, mark, added)
        self._update(connection, live, head)
        return head

    def _move_window(
        self, connection: Connection, live: Live, head: Head, mark: Mark | None, added: Addition
    ) -> Head:
        """`head` with the window of `added`; the snapshot is replaced, or removed when it is void."""
        # Re-sealing since the turn began has given every record another place in the chain.
        moved = mark is None or not mark.turns or mark.turns[-1].chain != live.head.chain
        if moved and added.snapshot is not None:
            added = replace(added, snapshot=None, whole=True)
        if added.snapshot is not None:
            assert mark is not None and mark.turns is not None
            chain = mark.turns[added.folded - 1].chain
            behind = len(mark.turns) - added.folded + 1
            head = replace(head, window_sequence=head.sequence - behind + 1, window_chain=chain)
        elif added.whole:
            head = replace(head, window_sequence=0)
        if added.snapshot is None and (head.window_sequence or not live.head.window_sequence):
            return head
        connection.execute(_DROP_SNAPSHOT, {"of": live.handle})
        if added.snapshot is not None:
            envelope = seal_snapshot(live.key, live.handle, head, added.snapshot)
            connection.execute(_ADD_SNAPSHOT, {"handle": live.handle, "envelope": envelope})
        return head

    def _set_person(self, connection: Connection, live: Live, person_id: str) -> None:
        self._update(connection, live, replace(live.head, person_id=person_id))

    def _update(self, connection: Connection, live: Live, head: Head) -> None:
        columns = self._rows.columns(live.key, live.handle, head)
        connection.execute(_UPDATE, {"of": live.handle, **columns})

    def _advance(self, name: str, head: Head, handle: str | None) -> None:
        try:
            self._ring.advance(name, head.expires_at, head.sequence, held_as=handle)
        except UnknownKey as error:
            raise ConversationEnded() from error


def _check_mark(mark: Mark | None, live: Live | None) -> None:
    if mark is None:
        return
    if live is None:
        if mark.handle is not None:
            raise ConversationEnded()
    elif mark.handle is None:
        if live.head.sequence:
            raise TrackerConflict("another turn began this conversation at the same time")
    elif mark.handle != live.handle:
        raise ConversationEnded()
    elif mark.sequence != live.head.sequence:
        raise TrackerConflict("another turn of this conversation was stored in between")
