"""One transaction's view of the key tree: reads nodes, changes them, writes what changed.

Every key that seals a node lives in the node above; the topmost key is wrapped by the root. Where
a key is *removed*, the page, its bucket and the top all get fresh keys, so that nothing in the
present tree opens an older copy of them. What is only *added* is sealed under the same keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Final

from gatehouse.keys.envelope import KEY_SIZE, associated_data, seal, unseal
from gatehouse.keys.errors import EnvelopeError, KeyRingDamaged, KeyRingNotReady
from gatehouse.keys.nodes import (
    HELD,
    KEPT,
    Bucket,
    Entry,
    Page,
    Top,
    decode_page,
    digest_of,
    encode_page,
    find_entry,
    shard_of,
)
from gatehouse.keys.roots import Root
from gatehouse.keys.shelf import FORMAT, Shelf

_NEVER: Final = 9e15


@dataclass(slots=True)
class Known:
    """Opened nodes kept between transactions; valid while the ring's revision stays the same."""

    revision: int = -1
    ring: str = ""
    generation: int = 0
    handle: str = ""
    top_key: bytes = b""
    top: Top = field(default_factory=Top)
    buckets: dict[int, Bucket] = field(default_factory=dict)

    def copy(self) -> Known:
        return replace(self, top=self.top.copy(), buckets=dict(self.buckets))


def load(shelf: Shelf, root: Root, known: Known) -> Known:
    """`known` if it is still the ring's present state, otherwise the state read afresh."""
    rows = shelf.execute("SELECT revision, ring FROM ring")
    if rows == [(known.revision, known.ring)]:
        return known
    rows = shelf.execute("SELECT format, ring, revision, generation, root, wrapped, node FROM ring")
    if len(rows) != 1:
        raise KeyRingDamaged("the key ring has no top", "put ring.db back from its mirror")
    version, ring, revision, generation, handle, wrapped, node = rows[0]
    if version != FORMAT:
        raise KeyRingNotReady(
            f"the key ring has format {version}, this version reads {FORMAT}",
            "run the version of Gatehouse that wrote it",
        )
    where = _where("root", ring, generation=generation)
    try:
        top_key = root.unwrap(handle, wrapped, where)
        top = Top.decode(unseal(top_key, node, _where("top", ring, generation=generation)))
    except EnvelopeError as error:
        raise KeyRingDamaged(
            "the key ring does not open under its root", "put ring.db back from its mirror"
        ) from error
    return Known(revision, ring, generation, handle, top_key, top)


class Tree:
    """The key tree inside one `Shelf.reading` or `Shelf.writing`."""

    def __init__(self, shelf: Shelf, root: Root, known: Known) -> None:
        self._shelf = shelf
        self._root = root
        self.known = known
        self._pages: dict[tuple[int, int], Page] = {}
        self._changed: set[tuple[int, int]] = set()
        self._rekeyed: set[int] = set()
        self._altered: set[int] = set()
        self._top_changed = False
        self._top_rekeyed = False

    @property
    def removes(self) -> bool:
        """Whether a key was taken out, so that a new root generation is due."""
        return self._top_rekeyed

    def days(self) -> list[int]:
        """Expiry days, latest first: the keys in use are mostly there."""
        return sorted(self.known.top.buckets.keys() - {HELD, KEPT}, reverse=True)

    def find(self, name: str) -> tuple[int, Entry] | None:
        """The day and entry of `name`, expired or not."""
        for day in self.days():
            entry = self.find_in(day, name)
            if entry is not None:
                return day, entry
        return None

    def find_in(self, day: int, name: str) -> Entry | None:
        """The entry of `name` in one bucket; None also when there is no such bucket."""
        if day not in self.known.top.buckets:
            return None
        digest = digest_of(name)
        place = day, shard_of(digest)
        if place in self._pages:
            return self._pages[place].get(digest)
        return find_entry(self._page_bytes(*place), digest)

    def bucket(self, day: int) -> Bucket:
        """The bucket of an existing `day`."""
        if day not in self.known.buckets:
            rows = self._shelf.execute("SELECT node FROM buckets WHERE day = ?", day)
            if not rows:
                raise KeyRingDamaged("a bucket of the key ring is missing")
            where = _where("bucket", self.known.ring, day=day)
            self.known.buckets[day] = Bucket.decode(
                _open(self.known.top.buckets[day], rows[0][0], where)
            )
        return self.known.buckets[day]

    def ensure_bucket(self, day: int) -> Bucket:
        """The bucket of `day`, made if it is not there."""
        if day not in self.known.top.buckets:
            self.known.top.buckets[day] = os.urandom(KEY_SIZE)
            self.known.buckets[day] = Bucket(os.urandom(KEY_SIZE))
            self._altered.add(day)
            self._top_changed = True
        return self.bucket(day)

    def _set_page_key(self, day: int, shard: int) -> None:
        """A fresh page key, in a bucket that no other view of the tree shares."""
        bucket = self.bucket(day).copy()
        bucket.pages[shard] = os.urandom(KEY_SIZE)
        self.known.buckets[day] = bucket
        self._altered.add(day)

    def put(self, day: int, name: str, entry: Entry) -> None:
        """Write the entry of `name` into the bucket of `day`, made if it is not there."""
        digest = digest_of(name)
        shard = shard_of(digest)
        page = self.page(day, shard) if day in self.known.top.buckets else {}
        if shard not in self.ensure_bucket(day).pages:
            self._set_page_key(day, shard)
        self._pages[day, shard] = page
        page[digest] = entry
        self._changed.add((day, shard))

    def remove(self, day: int, digest: bytes) -> None:
        """Take an entry out so that no older copy of its page opens under the present tree."""
        shard = shard_of(digest)
        del self.page(day, shard)[digest]
        self._set_page_key(day, shard)
        self._changed.add((day, shard))
        self._rekeyed.add(day)
        self._top_rekeyed = True

    def drop(self, day: int) -> int:
        """End a whole bucket; the number of keys in it."""
        rows = self._shelf.execute("SELECT coalesce(sum(keys), 0) FROM pages WHERE day = ?", day)
        self._shelf.execute("DELETE FROM pages WHERE day = ?", day)
        self._shelf.execute("DELETE FROM buckets WHERE day = ?", day)
        del self.known.top.buckets[day]
        self.known.buckets.pop(day, None)
        self._top_rekeyed = True
        return int(rows[0][0])

    def page(self, day: int, shard: int) -> Page:
        """The entries of one page, by digest."""
        if (day, shard) not in self._pages:
            self._pages[day, shard] = decode_page(self._page_bytes(day, shard))
        return self._pages[day, shard]

    def add_service(self, purpose: str) -> bytes:
        """A new service key."""
        self._top_changed = True
        return self.known.top.services.setdefault(purpose, os.urandom(KEY_SIZE))

    def save(self, new_root: str | None = None) -> None:
        """Write every changed node; with `new_root`, move to a new generation under that root."""
        for place in self._changed:
            self._save_page(*place)
        for day in self._rekeyed & set(self.known.top.buckets):
            self.known.top.buckets[day] = os.urandom(KEY_SIZE)
        for day in self._altered & set(self.known.top.buckets):
            where = _where("bucket", self.known.ring, day=day)
            node = seal(self.known.top.buckets[day], self.bucket(day).encode(), where)
            self._shelf.execute("REPLACE INTO buckets (day, node) VALUES (?, ?)", day, node)
        if self._top_rekeyed or new_root is not None:
            self._renew_top(new_root)
        elif self._top_changed or self._altered:
            self._save_top()

    def _renew_top(self, new_root: str | None) -> None:
        known = self.known
        known.top_key = os.urandom(KEY_SIZE)
        if new_root is not None:
            known.handle = new_root
            known.generation += 1
        where = _where("root", known.ring, generation=known.generation)
        wrapped = self._root.wrap(known.handle, known.top_key, where)
        self._shelf.execute(
            "UPDATE ring SET generation = ?, root = ?, wrapped = ?",
            known.generation, known.handle, wrapped,
        )  # fmt: skip
        self._save_top()

    def _save_top(self) -> None:
        known = self.known
        known.revision += 1
        where = _where("top", known.ring, generation=known.generation)
        self._shelf.execute(
            "UPDATE ring SET revision = ?, node = ?",
            known.revision, seal(known.top_key, known.top.encode(), where),
        )  # fmt: skip

    def _save_page(self, day: int, shard: int) -> None:
        page = self._pages[day, shard]
        key = self.bucket(day).pages[shard]
        where = _where("page", self.known.ring, day=day, shard=shard)
        earliest = _NEVER
        if day not in (HELD, KEPT):
            earliest = min((entry.expires_at for entry in page.values()), default=_NEVER)
        self._shelf.execute(
            "REPLACE INTO pages (day, shard, keys, earliest, node) VALUES (?, ?, ?, ?, ?)",
            day, shard, len(page), earliest, seal(key, encode_page(page), where),
        )  # fmt: skip

    def _page_bytes(self, day: int, shard: int) -> bytes:
        key = self.bucket(day).pages.get(shard)
        if key is None:
            return b""
        rows = self._shelf.execute("SELECT node FROM pages WHERE day = ? AND shard = ?", day, shard)
        if not rows:
            raise KeyRingDamaged("a page of the key ring is missing")
        return _open(key, rows[0][0], _where("page", self.known.ring, day=day, shard=shard))


def _where(kind: str, ring: str, **place: int) -> bytes:
    return associated_data(kind=f"key ring {kind}", ring=ring, format=FORMAT, **place)


def _open(key: bytes, node: bytes, where: bytes) -> bytes:
    try:
        return unseal(key, node, where)
    except EnvelopeError as error:
        raise KeyRingDamaged(
            "a node of the key ring was altered", "put ring.db back from its mirror"
        ) from error
