"""Where the sealed nodes of the key ring are kept: rows and transactions, never keys.

Two homes speak these few statements: a file of its own (`file_shelf`) and tables in PostgreSQL
(`table_shelf`). Every node is already sealed, so a copy of a shelf may lie anywhere. A shelf must
change whole or not at all, and let one process write at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = 2

_TOP: Final = (
    "format, ring, revision, generation, root, wrapped, node, changed, rotated_at, mirrored_at"
)


@dataclass(frozen=True, slots=True)
class TopRow:
    """The one row above all others.

    `revision` grows with every change of the top node, `changed` with every change of any node;
    times are epoch seconds, 0 for never.
    """

    format: int
    ring: str
    revision: int
    generation: int
    root: str
    wrapped: bytes
    node: bytes
    changed: int
    rotated_at: float
    mirrored_at: float


@dataclass(frozen=True, slots=True)
class BucketRow:
    """The sealed node of one bucket and the change that wrote it last."""

    day: int
    node: bytes
    changed: int


@dataclass(frozen=True, slots=True)
class PageRow:
    """One sealed page: how many keys it holds, when the first of them expires, who wrote it."""

    day: int
    shard: int
    keys: int
    earliest: float
    node: bytes
    changed: int


class Shelf(ABC):
    """The statements that the ring needs, inside one `reading` or `writing`."""

    kind: str
    """`file` or `database`."""
    prefix = ""

    @abstractmethod
    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of one statement; `?` stands for a value."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """One consistent view."""

    @abstractmethod
    def writing(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """One change, made by one process at a time, whole or not at all.

        With `durable` false the change survives the death of the process but perhaps not a power
        cut, until the next durable one.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what is open; the next use opens it again."""

    def stamp(self) -> tuple[int, str, int] | None:
        """Revision, ring id and change counter; None when there is no top."""
        rows = self.execute(f"SELECT revision, ring, changed FROM {self.prefix}ring")
        return rows[0] if rows else None

    def top(self) -> TopRow | None:
        rows = self.execute(f"SELECT {_TOP} FROM {self.prefix}ring")
        return TopRow(*rows[0]) if rows else None

    def put_top(self, top: TopRow) -> None:
        self.execute(f"DELETE FROM {self.prefix}ring")
        self.execute(
            f"INSERT INTO {self.prefix}ring (one, {_TOP}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            top.format, top.ring, top.revision, top.generation, top.root, top.wrapped, top.node,
            top.changed, top.rotated_at, top.mirrored_at,
        )  # fmt: skip

    def set_node(self, revision: int, node: bytes) -> None:
        self.execute(f"UPDATE {self.prefix}ring SET revision = ?, node = ?", revision, node)

    def set_root(self, generation: int, root: str, wrapped: bytes, rotated_at: float) -> None:
        self.execute(
            f"UPDATE {self.prefix}ring "
            "SET format = ?, generation = ?, root = ?, wrapped = ?, rotated_at = ?",
            FORMAT, generation, root, wrapped, rotated_at,
        )  # fmt: skip

    def set_changed(self, changed: int) -> None:
        self.execute(f"UPDATE {self.prefix}ring SET changed = ?", changed)

    def restamp(self, revision: int, changed: int) -> None:
        """Let everything count as just written: what was known of another past is void."""
        self.execute(f"UPDATE {self.prefix}ring SET revision = ?, changed = ?", revision, changed)
        for table in ("buckets", "pages"):
            self.execute(f"UPDATE {self.prefix}{table} SET changed = ?", changed)

    def set_mirrored(self, at: float) -> None:
        self.execute(f"UPDATE {self.prefix}ring SET mirrored_at = ?", at)

    def bucket(self, day: int) -> bytes | None:
        rows = self.execute(f"SELECT node FROM {self.prefix}buckets WHERE day = ?", day)
        return rows[0][0] if rows else None

    def put_bucket(self, row: BucketRow) -> None:
        self.execute(
            f"INSERT INTO {self.prefix}buckets (day, node, changed) VALUES (?, ?, ?) "
            "ON CONFLICT (day) DO UPDATE SET node = excluded.node, changed = excluded.changed",
            row.day, row.node, row.changed,
        )  # fmt: skip

    def page(self, day: int, shard: int) -> bytes | None:
        rows = self.execute(
            f"SELECT node FROM {self.prefix}pages WHERE day = ? AND shard = ?", day, shard
        )
        return rows[0][0] if rows else None

    def put_page(self, row: PageRow) -> None:
        self.execute(
            f"INSERT INTO {self.prefix}pages (day, shard, keys, earliest, node, changed) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, shard) DO UPDATE SET "
            "keys = excluded.keys, earliest = excluded.earliest, node = excluded.node, "
            "changed = excluded.changed",
            row.day, row.shard, row.keys, row.earliest, row.node, row.changed,
        )  # fmt: skip

    def drop(self, day: int) -> int:
        """Delete a bucket with its pages; the number of keys in them."""
        keys = self.keys_in().get(day, 0)
        self.execute(f"DELETE FROM {self.prefix}pages WHERE day = ?", day)
        self.execute(f"DELETE FROM {self.prefix}buckets WHERE day = ?", day)
        return keys

    def pages_expired(self, now: float) -> list[tuple[int, int]]:
        """Day and shard of each page that holds a key which expired by `now`."""
        rows = self.execute(f"SELECT day, shard FROM {self.prefix}pages WHERE earliest <= ?", now)
        return [(day, shard) for day, shard in rows]

    def keys_in(self) -> dict[int, int]:
        """The number of keys in each bucket that has a page."""
        rows = self.execute(f"SELECT day, sum(keys) FROM {self.prefix}pages GROUP BY day")
        return {day: int(keys) for day, keys in rows}

    def buckets_after(self, changed: int) -> list[BucketRow]:
        rows = self.execute(
            f"SELECT day, node, changed FROM {self.prefix}buckets WHERE changed > ?", changed
        )
        return [BucketRow(*row) for row in rows]

    def pages_after(self, changed: int) -> list[PageRow]:
        rows = self.execute(
            f"SELECT day, shard, keys, earliest, node, changed FROM {self.prefix}pages "
            "WHERE changed > ?",
            changed,
        )
        return [PageRow(*row) for row in rows]

    def days(self) -> set[int]:
        """Every bucket there is a node of."""
        return {day for (day,) in self.execute(f"SELECT day FROM {self.prefix}buckets")}

    def add_spare(self, handle: str, made_at: float) -> None:
        """Announce a root that is about to be made, so that nobody takes it for a left-over."""
        self.execute(f"INSERT INTO {self.prefix}spares VALUES (?, ?)", handle, made_at)

    def take_spare(self, handle: str) -> bool:
        """Withdraw the announcement; False when it had been given up already."""
        held = handle in self.spares()
        self.execute(f"DELETE FROM {self.prefix}spares WHERE handle = ?", handle)
        return held

    def give_up_spares(self, made_before: float) -> None:
        self.execute(f"DELETE FROM {self.prefix}spares WHERE made_at < ?", made_before)

    def spares(self) -> set[str]:
        return {handle for (handle,) in self.execute(f"SELECT handle FROM {self.prefix}spares")}


def apply(
    shelf: Shelf,
    top: TopRow,
    days: Iterable[int],
    buckets: Iterable[BucketRow],
    pages: Iterable[PageRow],
) -> None:
    """Bring `shelf` to the state of `top`, given every row that changed and the days there are."""
    for day in shelf.days() - set(days):
        shelf.drop(day)
    for bucket in buckets:
        shelf.put_bucket(bucket)
    for page in pages:
        shelf.put_page(page)
    shelf.put_top(top)
