"""The proof that an erasure holds: what of a backup still opens with the keys there are.

Every conversation of the backup is sorted by what has become of it and then tried, with the key of
its own name and, for what is over, with every data key that the ring holds. All of the living must
open and none of the others. Nothing here may say "does not open" of what it did not try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.keys import KeyRing
from gatehouse.tracker.backups import Backup, Row
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import open_all, open_head
from gatehouse.tracker.schema import conversations
from gatehouse.tracker.transactions import snapshot

LIVE: Final = "live"
EXPIRED: Final = "expired"
ERASED: Final = "ended_or_erased"
HELD: Final = "held"
CLASSES: Final = (LIVE, EXPIRED, ERASED, HELD)
MOST_TRIALS: Final = 3_000_000  # of a key on a head, about 6 µs each


class ErasureBroken(GatehouseError):
    """Something that is over can still be opened."""

    exit_code = 4


class LiveUnreadable(GatehouseError):
    """A living conversation cannot be opened from the backup: it is not what was written."""

    exit_code = 5


@dataclass(slots=True)
class Found:
    """Conversations of one class: how many, and how many of them opened (all records)."""

    conversations: int = 0
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    `old_ring` is "not given", "opens" or "does not open"; `every_key` whether each data key of the
    ring was tried on whatever is over, and not only the one of its name.
    """

    backup: str
    old_ring: str
    every_key: bool
    classes: dict[str, Found]

    def require(self) -> None:
        """Raises `ErasureBroken` or `LiveUnreadable` when the proof failed."""
        broken = sum(self.classes[name].opened for name in (EXPIRED, ERASED))
        if broken:
            raise ErasureBroken(
                f"{broken} conversations that are over can still be opened",
                "expired keys go with a purge, at most once per keys.expiry_every: purge and try again",
                "if they still open then, a key root was kept; or the database in use was itself put "
                "back from a backup that does not know them yet: they go with their time",
            )
        live = self.classes[LIVE]
        if live.opened < live.conversations:
            raise LiveUnreadable(
                f"{live.conversations - live.opened} living conversations do not open",
                "the backup is damaged, or the key ring beside it is not the one in use",
                "in a database that was put back from a backup, what was erased since counts as living",
            )


@dataclass(slots=True)
class Prover:
    """Tries the conversations of backups against `ring` and, if given, an `old_ring`; `engine` is
    the database in use, which says what is live."""

    engine: Engine
    ring: KeyRing
    clock: Clock
    old_ring: KeyRing | None = None
    _names: Pseudonyms = field(init=False)

    def __post_init__(self) -> None:
        self._names = Pseudonyms(self.ring)

    def examine(self, backup: Backup, old_ring: str = "not given") -> Report:
        """Try every conversation of `backup`, holding the records of a few at a time only."""
        over = []
        classes = {name: Found() for name in CLASSES}
        for row in backup.rows():
            kind, name = self._class_of(row)
            opened = kind == LIVE and self._opens(row, name, self.ring, whole=True)
            if kind == LIVE and not opened:
                kind = self._class_of(row)[0]  # it may have ended while this was at work
            classes[kind].conversations += 1
            classes[kind].opened += opened
            if kind not in (LIVE, HELD):
                over.append((kind, row.without_records()))
        keys = self._every_key(len(over))
        for kind, row in over:
            classes[kind].opened += self._opens_at_all(row, keys or ())
        return Report(backup.kind, old_ring, keys is not None, classes)

    def require_closed(self, over: Sequence[Row]) -> None:
        """Raise `ErasureBroken` when any of `over`, which must not, opens with a key there is."""
        keys = self._every_key(len(over)) or ()
        opened = sum(self._opens_at_all(row, keys) for row in over)
        if opened:
            raise ErasureBroken(
                f"{opened} conversations that are over can still be opened",
                "their keys are in the ring that is in use: is it an older copy?",
            )

    def _class_of(self, row: Row) -> tuple[str, str | None]:
        """What became of a conversation, and the name of its key when it lives."""
        c = conversations.c
        query = sa.select(
            c.tag_day, c.name, c.expires_at, c.end_requested_at, c.held_since, c.closed_at
        )
        with snapshot(self.engine) as connection:
            present = connection.execute(query.where(c.handle == row.handle)).one_or_none()
        now = self.clock.now()
        if present is None:
            return (EXPIRED if row.expires_at <= now else ERASED), None
        if present.closed_at is not None:
            return HELD, None
        if present.expires_at <= now:
            return (HELD if present.held_since is not None else EXPIRED), None
        if present.end_requested_at is not None:
            return ERASED, None
        return LIVE, self._name(self._names, row.handle, present.tag_day, bytes(present.name))

    def _every_key(self, over: int) -> list[bytes] | None:
        """All data keys, unless trying them all would take too long."""
        rings = [self.ring, *([self.old_ring] if self.old_ring else [])]
        keys = list({key for ring in rings for key in ring.every_key()})
        return keys if len(keys) * over <= MOST_TRIALS else None

    def _opens_at_all(self, row: Row, keys: Sequence[bytes]) -> bool:
        rings = [self.ring, *([self.old_ring] if self.old_ring else [])]
        for ring in rings:
            name = self._name(Pseudonyms(ring), row.handle, row.tag_day, row.name)
            if self._opens(row, name, ring):
                return True
        return any(_opens_with(key, row) for key in keys)

    def _opens(self, row: Row, name: str | None, ring: KeyRing, *, whole: bool = False) -> bool:
        entry = ring.find_any(name) if name else None
        return entry is not None and _opens_with(entry.key, row, whole=whole)

    def _name(self, names: Pseudonyms, handle: str, day: int, sealed: bytes) -> str | None:
        try:
            return names.opened_name(handle, day, sealed)
        except TrackerTampered:
            return None


def _opens_with(key: bytes, row: Row, *, whole: bool = False) -> bool:
    """Whether `key` opens the conversation: `whole`, or anything of it."""
    try:
        head = open_head(key, row.handle, row.head)
        if whole:
            open_all(key, row.handle, head, row.records)
    except TrackerTampered:
        return False
    return True
