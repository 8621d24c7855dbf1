"""Sealing conversations anew under the present suite, while people go on talking.

Each conversation is one transaction under the lock that a turn takes, so it is whole before and
after, and a turn sees one or the other. What is current already is not touched, so a run that was
cut off is finished by the next. A conversation that is not what was written is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError
from gatehouse.keys import KeyRing
from gatehouse.keys.columns import is_outdated
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import (
    Head,
    open_head,
    open_snapshot,
    resealed,
    seal_head,
    seal_snapshot,
)
from gatehouse.tracker.schema import conversations, records, snapshots
from gatehouse.tracker.transactions import changing, snapshot

Beside = Callable[[Connection, bytes], None]
"""Seals anew what else lies under the data key of a conversation, in its transaction."""

_BATCH: Final = 200


class Resealing:
    """The conversations in `engine` with their keys in `ring`; all methods block."""

    def __init__(self, engine: Engine, ring: KeyRing, clock: Clock, beside: Beside) -> None:
        self._engine = engine
        self._ring = ring
        self._clock = clock
        self._names = Pseudonyms(ring)
        self._beside = beside

    def outstanding(self) -> int:
        """How many conversations have anything that is of another suite."""
        query = sa.select(sa.func.count()).select_from(conversations).where(self._outdated())
        with snapshot(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def run(self) -> Iterator[bool]:
        """Conversation after conversation; False for one that is not what was written."""
        after = ""
        while True:
            query = (
                sa.select(conversations.c.handle)
                .where(self._outdated(), conversations.c.handle > after)
                .order_by(conversations.c.handle)
                .limit(_BATCH)
            )
            with snapshot(self._engine) as connection:
                handles = list(connection.execute(query).scalars())
            for handle in handles:
                yield self._one(handle)
            if len(handles) < _BATCH:
                return
            after = handles[-1]

    def _one(self, handle: str) -> bool:
        try:
            with changing(self._engine) as connection:
                row = connection.execute(
                    sa.select(conversations)
                    .where(conversations.c.handle == handle)
                    .with_for_update()
                ).first()
                key = self._key(row) if row is not None else None
                if row is not None and key is not None:
                    self._reseal(connection, row, key)
        except IntegrityError:
            return False
        return True  # or it ended meanwhile, and what is dead is not worth sealing

    def _key(self, row: Any) -> bytes | None:
        held = self._ring.held(row.handle) if row.closed_at is not None else None
        if held is not None:
            return held.key
        name = self._names.opened_name(row.handle, row.tag_day, row.name) if row.name else None
        entry = self._ring.lookup(name) if name else None
        return entry.key if entry else None

    def _reseal(self, connection: Connection, row: Any, key: bytes) -> None:
        before = open_head(key, row.handle, bytes(row.head))
        stored = connection.execute(
            sa.select(records.c.sequence, records.c.envelope)
            .where(records.c.handle == row.handle)
            .order_by(records.c.sequence)
        ).fetchall()
        head, made = resealed(key, row.handle, before, [(n, bytes(e)) for n, e in stored])
        for sequence, envelope in made:
            connection.execute(
                sa.update(records)
                .where(records.c.handle == row.handle, records.c.sequence == sequence)
                .values(envelope=envelope)
            )
        connection.execute(
            sa.update(conversations)
            .where(conversations.c.handle == row.handle)
            .values(
                head=seal_head(key, row.handle, head),
                name=self._names.resealed_name(row.handle, row.tag_day, bytes(row.name)),
            )
        )
        if before.window_sequence:
            self._reseal_snapshot(connection, row.handle, key, before, head)
        self._beside(connection, key)

    def _reseal_snapshot(
        self, connection: Connection, handle: str, key: bytes, before: Head, after: Head
    ) -> None:
        mine = snapshots.c.handle == handle
        envelope = connection.execute(sa.select(snapshots.c.envelope).where(mine)).scalar()
        folded = open_snapshot(key, handle, before, envelope and bytes(envelope))
        connection.execute(
            sa.update(snapshots)
            .where(mine)
            .values(envelope=seal_snapshot(key, handle, after, folded))
        )

    def _outdated(self) -> Any:
        c = conversations.c
        record = sa.select(records.c.sequence).where(
            records.c.handle == c.handle, is_outdated(records.c.envelope)
        )
        folded = sa.select(snapshots.c.handle).where(
            snapshots.c.handle == c.handle, is_outdated(snapshots.c.envelope)
        )
        lives = sa.or_(c.expires_at > self._clock.now(), c.closed_at.is_not(None))
        sealed = (is_outdated(c.head), is_outdated(c.name), record.exists(), folded.exists())
        return sa.and_(lives, sa.or_(*sealed))
