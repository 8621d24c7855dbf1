"""Legal holds: conversations that two named persons keep from dying, for a reason, on record.

One person proposes, another approves; both have the role for it and are not the person concerned.
From the proposal on a second copy of each key is kept, so that nothing expires while the second
person is asked; a proposal that nobody approves lapses. What is held dies for everybody else as if
there were no hold: it expires, it can be erased, nobody chats on with it. Only the two may read it,
each reading is recorded, and a release lets it die at once. All methods block.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys import KeyRing, SealedColumn, UnknownKey
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.hold_book import ACTIVE, LAPSED, PROPOSED, RELEASED, Hold, HoldBook
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import Event, Head, open_all, open_head
from gatehouse.tracker.removal import remove
from gatehouse.tracker.schema import conversations, records
from gatehouse.tracker.transactions import changing, snapshot

LAPSES_AFTER: Final = 86_400.0  # seconds that a proposal waits for the second person
LONGEST_REASON: Final = 500


class Log(Protocol):
    """The part of the audit log that is needed here."""

    def append(self, kind: str, **facts: Any) -> int: ...
    def pseudonym(self, kind: str, identity: str) -> str: ...


class Holds:
    """The holds of one deployment; `key` (32 bytes) seals who holds what and why."""

    def __init__(self, engine: Engine, ring: KeyRing, clock: Clock, key: bytes, log: Log) -> None:
        self._engine = engine
        self._ring = ring
        self._clock = clock
        self._book = HoldBook(engine, clock, key)
        self._log = log
        self._names = Pseudonyms(ring)
        self._recorded: set[str] = set()

    def propose(self, person_id: str, by: str, reason: str, undisclosed: str = "") -> Hold:
        """Ask for a hold on the person's present conversations, and keep them meanwhile.

        Raises `InvalidInput` when there is none, the reason is missing, or `by` is the person.
        """
        if by == person_id:
            raise InvalidInput("nobody can hold their own conversations")
        for text in (reason, undisclosed):
            if len(text) > LONGEST_REASON or not text.isprintable():
                raise InvalidInput(f"a reason has up to {LONGEST_REASON} printable characters")
        if not reason.strip():
            raise InvalidInput(
                "a legal hold needs a reason", "it is shown to the person, if lawful"
            )
        now = self._clock.now()
        names = self._living(person_id)
        if not names:
            raise InvalidInput("this person has no conversation that could be held")
        hold = Hold(
            secrets.token_hex(8), PROPOSED, person_id, tuple(names), reason.strip(),
            undisclosed.strip(), by, now,
        )  # fmt: skip
        self._record(hold, by)
        with changing(self._engine) as connection:
            self._book.add(connection, hold)
            connection.execute(
                sa.update(conversations)
                .where(conversations.c.handle.in_(names), conversations.c.held_since.is_(None))
                .values(held_since=now)
            )
        self._keep(names)
        return self._without_the_lost(hold)

    def approve(self, hold_id: str, by: str) -> Hold:
        """The second person agrees. Raises `InvalidInput` when it is the first, or too late."""
        hold = self._in_state(hold_id, PROPOSED)
        if by in (hold.proposed_by, hold.person_id):
            raise InvalidInput("a hold needs a second person", "who is not the one concerned")
        if self._clock.now() >= hold.proposed_at + LAPSES_AFTER:
            raise InvalidInput("this proposal has lapsed", "propose the hold again")
        active = replace(hold, state=ACTIVE, approved_by=by, approved_at=self._clock.now())
        self._record(active, by)
        living = self._living(hold.person_id)
        self._keep({handle: living[handle] for handle in hold.handles if handle in living})
        self._book.change(hold, active)
        return active

    def read(self, hold_id: str, by: str) -> list[tuple[Head, list[Event]]]:
        """What is held, for one of the two holders; on record before anything is opened.

        Raises `InvalidInput` for anybody else, `TrackerTampered` when something does not open.
        """
        hold = self._in_state(hold_id, ACTIVE)
        self._require_holder(hold, by)
        self._record(hold, by, operation="read")
        return [found for handle in hold.handles if (found := self._open(handle))]

    def release(self, hold_id: str, by: str) -> Hold:
        """End a hold: what is over dies now, what lives goes on as if it had never been held.

        Raises `TrackerTampered` while any hold is altered: it might keep the same conversations.
        """
        hold = self._book.one(hold_id)
        self.all()
        if not hold.in_force:
            raise InvalidInput(f"this hold is {hold.state} already")
        self._require_holder(hold, by)
        released = replace(hold, state=RELEASED, released_by=by, released_at=self._clock.now())
        self._record(released, by)
        self._let_go(hold, released)
        return released

    def lapse(self) -> int:
        """Let go of proposals that nobody approved in time; how many. For the purge.

        Raises `TrackerTampered` while any hold is altered: it might keep the same conversations.
        """
        self.readable()
        late = [
            hold
            for hold in self.all()
            if hold.state == PROPOSED and self._clock.now() >= hold.proposed_at + LAPSES_AFTER
        ]
        for hold in late:
            lapsed = replace(hold, state=LAPSED, released_at=self._clock.now())
            self._record(lapsed, None)
            self._let_go(hold, lapsed)
        return len(late)

    def mark_again(self) -> int:
        """Mark what holds in force keep and whose row was made to look free; how many. For the purge.

        Who can write to the database could else have the rows deleted. It is recorded, like an end
        that nobody asked for.
        """
        handles = {one for hold in self.readable()[0] if hold.in_force for one in hold.handles}
        c = conversations.c
        unmarked = sa.select(c.handle).where(c.handle.in_(handles), c.held_since.is_(None))
        with snapshot(self._engine) as connection:
            found = connection.execute(unmarked).scalars().all() if handles else []
        # A release ends the copy of the key first, then the mark, then the hold.
        altered = [handle for handle in found if self._ring.held(handle)]
        for handle in altered:
            self._log.append("tamper", reason="hold_mark_altered", record=handle)
        if altered:
            with changing(self._engine) as connection:
                connection.execute(
                    sa.update(conversations)
                    .where(c.handle.in_(altered))
                    .values(held_since=self._clock.now())
                )
        return len(altered)

    def all(self) -> list[Hold]:
        """Every hold there is or was, oldest first. Raises `TrackerTampered`."""
        return self._book.all()

    def readable(self) -> tuple[list[Hold], list[str]]:
        """The holds that are as they were written, and the ids of altered ones, which is recorded.

        An altered row holds what it held: it must not stand in the way of the others, and nothing
        is let go because of it.
        """
        found, altered = self._book.readable()
        for one in set(altered) - self._recorded:
            self._recorded.add(one)
            self._log.append("tamper", reason="hold_altered", record=one)
        return found, altered

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return self._book.sealed_columns()

    def shown_to(self, person_id: str) -> list[Hold]:
        """The holds in force that the person may know of."""
        return [
            hold
            for hold in self.readable()[0]
            if hold.person_id == person_id and hold.state == ACTIVE and not hold.undisclosed
        ]

    def disclosed(self, handle: str) -> bool:
        """Whether the person of a held conversation may know that it is held."""
        mine = [hold for hold in self.readable()[0] if hold.in_force and handle in hold.handles]
        return any(hold.state == ACTIVE and not hold.undisclosed for hold in mine)

    def _living(self, person_id: str) -> dict[str, str]:
        """The ring names of the person's living conversations by handle."""
        c = conversations.c
        tags = self._names.person_tags(person_id)
        with snapshot(self._engine) as connection:
            rows = connection.execute(
                sa.select(c.handle, c.tag_day, c.name).where(
                    c.person_tag.in_(tags), c.expires_at > self._clock.now()
                )
            ).fetchall()
        names = {row.handle: self._names.opened_name(*row) for row in rows}
        return {handle: name for handle, name in names.items() if name}

    def _keep(self, names: dict[str, str]) -> None:
        """Keep second copies of the keys of what is marked as held; the mark came first, so that
        no copy can be left behind without one."""
        marked = sa.select(conversations.c.handle).where(
            conversations.c.handle.in_(names), conversations.c.held_since.is_not(None)
        )
        with snapshot(self._engine) as connection:
            handles = connection.execute(marked).scalars().all()
        for handle in handles:
            try:
                self._ring.hold(names[handle], handle)
            except UnknownKey:  # it ended at this very moment
                continue

    def _without_the_lost(self, hold: Hold) -> Hold:
        """The hold over what could be kept: what ended at the same moment is not held."""
        kept = tuple(handle for handle in hold.handles if self._ring.held(handle))
        if kept == hold.handles:
            return hold
        lost = [handle for handle in hold.handles if handle not in kept]
        self._unmark(lost)
        changed = replace(hold, handles=kept, state=PROPOSED if kept else LAPSED)
        self._book.change(hold, changed)
        if not kept:
            raise InvalidInput("the conversations of this person have just ended")
        return changed

    def _unmark(self, handles: list[str]) -> None:
        """Nothing holds these any more: what is over goes, what lives goes on."""
        mine = conversations.c.handle.in_(handles)
        with changing(self._engine) as connection:
            connection.execute(sa.update(conversations).where(mine).values(held_since=None))
            over = sa.and_(mine, conversations.c.closed_at.is_not(None))
            remove(connection, over, self._clock.now())

    def _open(self, handle: str) -> tuple[Head, list[Event]] | None:
        entry = self._ring.held(handle)
        with snapshot(self._engine) as connection:
            row = connection.execute(
                sa.select(conversations.c.head).where(conversations.c.handle == handle)
            ).one_or_none()
            turns = connection.execute(
                sa.select(records.c.sequence, records.c.envelope)
                .where(records.c.handle == handle)
                .order_by(records.c.sequence)
            ).fetchall()
        if entry is None and row is None:
            return None  # it ended while the hold was being proposed
        if entry is None or row is None:
            raise TrackerTampered("held_conversation_missing")
        head = open_head(entry.key, handle, bytes(row.head))
        if head.sequence < entry.position:
            raise TrackerTampered("put_back")
        sealed = [(int(n), bytes(envelope)) for n, envelope in turns]
        return head, open_all(entry.key, handle, head, sealed)

    def _let_go(self, hold: Hold, after: Hold) -> None:
        """Keys first, then the rows of what is over, then the hold itself."""
        others = {
            handle
            for other in self.all()
            if other.in_force and other.id != hold.id
            for handle in other.handles
        }
        free = [handle for handle in hold.handles if handle not in others]
        self._ring.release(free)
        self._unmark(free)
        self._book.change(hold, after)

    def _require_holder(self, hold: Hold, by: str) -> None:
        if by not in (hold.proposed_by, hold.approved_by):
            raise InvalidInput("only the two persons who hold these conversations may do that")

    def _in_state(self, hold_id: str, state: str) -> Hold:
        hold = self._book.one(hold_id)
        if hold.state != state:
            raise InvalidInput(f"this hold is {hold.state}, not {state}")
        return hold

    def _record(self, hold: Hold, by: str | None, operation: str | None = None) -> None:
        self._log.append(
            "legal_hold",
            person=hold.person_id,
            operation=operation or hold.state,
            hold=hold.id,
            conversations=len(hold.handles),
            disclosed=not hold.undisclosed,
            by=self._log.pseudonym("person", by) if by else None,
        )
