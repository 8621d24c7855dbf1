"""Carries out the end of conversations: the record first, then the keys, then the rows.

Whatever must go with a conversation or a person elsewhere (`Traces`) is told before the keys go and
names the keys that die in the same step; nothing may be reported as erased before its key is gone.
Rows that a legal hold keeps are closed to everybody instead of being deleted. All methods block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import NotReady
from gatehouse.keys import KeyRing
from gatehouse.tracker.end_requests import END, ERASURE, NONE
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.receipts import Receipt
from gatehouse.tracker.records import Head, open_head
from gatehouse.tracker.removal import remove
from gatehouse.tracker.schema import conversations
from gatehouse.tracker.transactions import changing, snapshot

KEPT: Final = "kept"  # asked to end, and `retention.on_end` lets it live until it expires


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation that has ended.

    `reason` is "end" or "erasure". The ids are None when an earlier attempt had already ended the
    key. `erased_at` and `irreversible_at` (no copy of the key can come back; epoch seconds) are
    None when the setting `retention.on_end = "keep"` lets it live until it expires. `receipt` is
    that of its person's erasure.
    """

    conversation_id: str | None
    person_id: str | None
    reason: str
    erased_at: float | None
    irreversible_at: float | None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Dying:
    """A conversation whose key is about to go, and whether a legal hold keeps a copy."""

    handle: str
    conversation_id: str
    person_id: str | None
    turns: int
    held: bool


@dataclass(frozen=True, slots=True)
class Going:
    """What goes with conversations: names of further keys in the ring that have to die in the same
    step, and per person how much of what was removed."""

    names: tuple[str, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Traces(Protocol):
    """What has to go with a conversation outside of this store."""

    def ending(self, reason: str, dying: Sequence[Dying], erased: Sequence[str] = ()) -> Going:
        """Record what is about to end and remove what goes with it, and with the people who are
        `erased`. May be called again for the same ones, after a crash."""
        ...

    def ended(
        self,
        counts: Mapping[str, int],
        dying: Sequence[Dying],
        erased_at: float,
        irreversible_at: float,
    ) -> Receipt:
        """The receipt of one person's erasure, which is done; `counts` as `ending` gave them."""
        ...


class Endings:
    """Ends conversations in `engine` and `ring`; with `keep`, a plain end lets them expire."""

    def __init__(
        self,
        engine: Engine,
        ring: KeyRing,
        clock: Clock,
        names: Pseudonyms,
        keep: bool,
        traces: Traces | None = None,
    ) -> None:
        self._engine = engine
        self._ring = ring
        self._clock = clock
        self._names = names
        self._keep = keep
        self._traces = traces

    def carry_out(self, find: Callable[[Connection], list[Any]]) -> list[Ended]:
        """End the rows that `find` names; each must have its end written down already."""
        with snapshot(self._engine) as connection:
            rows = find(connection)
        kept = [row for row in rows if self._keep and row.end_reason == END]
        ended = self._let_live(kept)
        for reason in (END, ERASURE):
            mine = [row for row in rows if row.end_reason == reason and row not in kept]
            ended += self._destroy(reason, mine)
        return ended

    def erase_traces(self, person_id: str) -> Receipt:
        """The erasure of somebody who has no conversation."""
        if self._traces is None:
            raise NotReady("this process erases conversations only")
        going = self._traces.ending(ERASURE, [], [person_id])
        self._ring.destroy(going.names)
        now = self._clock.now()
        return self._receipts(going, [], now, self._ring.irreversible_at(now))[person_id]

    def head(self, row: Any) -> Head | None:
        """Whose conversation a row is; None when its key is gone or its head was altered."""
        try:
            name = self._names.opened_name(row.handle, row.tag_day, row.name)
            entry = self._ring.lookup(name) if name else None
            return open_head(entry.key, row.handle, bytes(row.head)) if entry else None
        except TrackerTampered:
            return None

    def _let_live(self, rows: list[Any]) -> list[Ended]:
        if not rows:
            return []
        c = conversations.c
        heads = [head for row in rows if (head := self.head(row))]
        if self._traces:
            self._traces.ending(
                KEPT,
                [Dying("", h.conversation_id, h.person_id, h.sequence, False) for h in heads],
            )
        with changing(self._engine) as connection:
            connection.execute(
                sa.update(conversations)
                .where(c.handle.in_([row.handle for row in rows]), c.end_reason == END)
                .values(**NONE)
            )
        return [Ended(h.conversation_id, h.person_id, END, None, None) for h in heads]

    def _destroy(self, reason: str, rows: list[Any]) -> list[Ended]:
        if not rows:
            return []
        heads = {row.handle: self.head(row) for row in rows}
        names = [self._names.opened_name(r.handle, r.tag_day, r.name) for r in rows]
        dying = [
            Dying(
                row.handle, h.conversation_id, h.person_id, h.sequence, row.held_since is not None
            )
            for row in rows
            if (h := heads[row.handle])
        ]
        people = {one.person_id for one in dying if one.person_id} if reason == ERASURE else ()
        going = (
            self._traces.ending(reason, dying, sorted(people))
            if self._traces and dying
            else Going()
        )
        self._ring.destroy([*(name for name in names if name), *going.names])
        erased_at = self._clock.now()
        irreversible_at = self._ring.irreversible_at(erased_at)
        receipts = self._receipts(going, dying, erased_at, irreversible_at)
        with changing(self._engine) as connection:
            which = conversations.c.handle.in_([row.handle for row in rows])
            remove(connection, which, self._clock.now())
        return [
            Ended(
                head.conversation_id if head else None,
                head.person_id if head else None,
                row.end_reason,
                erased_at,
                irreversible_at,
                receipts.get(head.person_id or "") if head else None,
            )
            for row in rows
            for head in (heads[row.handle],)
        ]

    def _receipts(
        self, going: Going, dying: list[Dying], erased_at: float, irreversible_at: float
    ) -> dict[str, Receipt]:
        """The receipts by person; a plain end has none."""
        if self._traces is None:
            return {}
        return {
            person: self._traces.ended(
                counts,
                [one for one in dying if one.person_id == person],
                erased_at,
                irreversible_at,
            )
            for person, counts in going.counts.items()
        }
