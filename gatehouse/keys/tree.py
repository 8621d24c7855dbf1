"""One transaction's view of the key tree: reads nodes, changes them, writes what changed.

Every key that seals a node lives in the node above; the topmost key is wrapped by the root. Where
a key is *removed*, the page and its bucket get fresh keys at once and the top with the next root
generation, so that from then on nothing opens an older copy of them. What is only *added* is
sealed under the same keys; neither adding nor moving a key needs the root.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
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
    day_is_over,
    decode_page,
    digest_of,
    encode_page,
    find_entry,
    shard_of,
)
from gatehouse.keys.roots import Root
from gatehouse.keys.shelf import FORMAT, BucketRow, PageRow, Shelf, TopRow

_NEVER: Final = 9e15
# Part of what binds a node to its place; it has not changed since format 1.
_NODE_FORMAT: Final = 1
_RESTORE: Final = "put the ring back from its mirror with `gatehouse keys restore`"


@dataclass(slots=True)
class Known:
    """Opened nodes kept between transactions; valid while the ring's revision stays the same."""

    revision: int = -1
    ring: str = ""
    generation: int = 0
    handle: str = ""
    wrapped: bytes = b""
    top_key: bytes = b""
    changed: int = 0
    top: Top = field(default_factory=Top)
    buckets: dict[int, Bucket] = field(default_factory=dict)

    def copy(self) -> Known:
        return replace(self, top=self.top.copy(), buckets=dict(self.buckets))


@dataclass(frozen=True, slots=True)
class Generation:
    """A root that was made for a new generation, and the top key that it wraps."""

    handle: str
    top_key: bytes
    wrapped: bytes


def make_generation(root: Root, handle: str, ring: str) -> Generation:
    """Make the root `handle` and wrap a fresh top key with it."""
    root.create(handle)
    top_key = os.urandom(KEY_SIZE)
    return Generation(handle, top_key, root.wrap(handle, top_key, _root_place(ring, handle)))


def load(shelf: Shelf, root: Root, known: Known) -> Known:
    """`known` if it is still the ring's present state, otherwise the state read afresh.

    Raises `KeyRingDamaged` when the ring is not what was written or is older than `known`.
    """
    stamp = shelf.stamp()
    if stamp is not None and stamp[1] == known.ring:
        if stamp[2] < known.changed:
            raise KeyRingDamaged(
                "the key ring was replaced by an older state of itself while it was in use",
                "put the present one back, or restart to go on with the older one",
            )
        if stamp[0] == known.revision:
            return known if stamp[2] == known.changed else replace(known, changed=stamp[2])
    top = shelf.top()
    if top is None:
        raise KeyRingDamaged("the key ring has no top", _RESTORE)
    if top.format > FORMAT:
        raise KeyRingNotReady(
            f"the key ring has format {top.format}, this version reads {FORMAT}",
            "run the version of Gatehouse that wrote it",
        )
    try:
        top_key = _top_key(root, top, known)
        where = _where("top", top.ring, generation=top.generation)
        node = Top.decode(unseal(top_key, top.node, where))
    except EnvelopeError as error:
        raise KeyRingDamaged("the key ring does not open under its root", _RESTORE) from error
    return Known(
        top.revision, top.ring, top.generation, top.root, top.wrapped, top_key, top.changed, node
    )


def _top_key(root: Root, top: TopRow, known: Known) -> bytes:
    """Asks the root only when it wraps something new: it may be far away."""
    if (known.ring, known.handle, known.wrapped) == (top.ring, top.root, top.wrapped):
        return known.top_key
    where = _root_place(top.ring, top.root)
    if top.format == 1:
        where = _where("root", top.ring, generation=top.generation)
    return root.unwrap(top.root, top.wrapped, where)


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
        self._removed = False

    @property
    def removes(self) -> bool:
        """Whether a key was taken out, so that a new root generation is due."""
        return self._removed

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
            node = self._shelf.bucket(day)
            if node is None:
                raise KeyRingDamaged("a bucket of the key ring is missing", _RESTORE)
            where = _where("bucket", self.known.ring, day=day)
            self.known.buckets[day] = Bucket.decode(_open(self.known.top.buckets[day], node, where))
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
        self._removed = True

    def drop(self, day: int) -> int:
        """End a whole bucket; the number of keys in it."""
        keys = self._shelf.drop(day)
        del self.known.top.buckets[day]
        self.known.buckets.pop(day, None)
        self._removed = True
        return keys

    def end_expired(self, now: float) -> int:
        """Take out every key that expired by `now`, whole buckets where the day is over."""
        dropped = sum(self.drop(day) for day in self.days() if day_is_over(day, now))
        for day, shard in self._shelf.pages_expired(now):
            ended = [digest for digest, e in self.page(day, shard).items() if not e.alive(now)]
            for digest in ended:
                self.remove(day, digest)
            dropped += len(ended)
        return dropped

    def page(self, day: int, shard: int) -> Page:
        """The entries of one page, by digest."""
        if (day, shard) not in self._pages:
            self._pages[day, shard] = decode_page(self._page_bytes(day, shard))
        return self._pages[day, shard]

    def renew(self, day: int) -> int:
        """Seal everything in the bucket of `day` anew, under fresh keys; how many keys."""
        keys = 0
        for shard in list(self.bucket(day).pages):
            keys += len(self.page(day, shard))
            self._set_page_key(day, shard)
            self._changed.add((day, shard))
        self._rekeyed.add(day)
        self._altered.add(day)
        self._removed = True
        return keys

    def open_all(self) -> int:
        """Open every node there is; the number of keys. Raises `KeyRingDamaged`."""
        count = 0
        for day in self.known.top.buckets:
            for shard in self.bucket(day).pages:
                count += len(decode_page(self._page_bytes(day, shard)))
        if self._shelf.days() != set(self.known.top.buckets):
            raise KeyRingDamaged("the key ring holds a bucket that it does not name", _RESTORE)
        return count

    def add_service(self, purpose: str) -> bytes:
        """A new service key."""
        self._top_changed = True
        return self.known.top.services.setdefault(purpose, os.urandom(KEY_SIZE))

    def save(self, new: Generation | None = None, at: float = 0.0) -> None:
        """Write every changed node; with `new`, move to that generation `at` this time."""
        if not (self._changed or self._altered or self._top_changed or self.removes or new):
            return
        self.known.changed += 1
        for place in self._changed:
            self._save_page(*place)
        for day in self._rekeyed & set(self.known.top.buckets):
            self.known.top.buckets[day] = os.urandom(KEY_SIZE)
        for day in self._altered & set(self.known.top.buckets):
            where = _where("bucket", self.known.ring, day=day)
            node = seal(self.known.top.buckets[day], self.bucket(day).encode(), where)
            self._shelf.put_bucket(BucketRow(day, node, self.known.changed))
        if new is not None:
            self._renew_top(new, at)
        if new is not None or self._top_changed or self._altered or self._rekeyed:
            self._save_top()
        self._shelf.set_changed(self.known.changed)

    def _renew_top(self, new: Generation, at: float) -> None:
        known = self.known
        known.generation += 1
        known.handle, known.top_key, known.wrapped = new.handle, new.top_key, new.wrapped
        self._shelf.set_root(known.generation, known.handle, known.wrapped, at)

    def _save_top(self) -> None:
        known = self.known
        known.revision += 1
        where = _where("top", known.ring, generation=known.generation)
        self._shelf.set_node(known.revision, seal(known.top_key, known.top.encode(), where))

    def _save_page(self, day: int, shard: int) -> None:
        page = self._pages[day, shard]
        key = self.bucket(day).pages[shard]
        where = _where("page", self.known.ring, day=day, shard=shard)
        earliest = _NEVER
        if day not in (HELD, KEPT):
            earliest = min((entry.expires_at for entry in page.values()), default=_NEVER)
        node = seal(key, encode_page(page), where)
        self._shelf.put_page(PageRow(day, shard, len(page), earliest, node, self.known.changed))

    def _page_bytes(self, day: int, shard: int) -> bytes:
        key = self.bucket(day).pages.get(shard)
        if key is None:
            return b""
        node = self._shelf.page(day, shard)
        if node is None:
            raise KeyRingDamaged("a page of the key ring is missing", _RESTORE)
        return _open(key, node, _where("page", self.known.ring, day=day, shard=shard))


def _root_place(ring: str, handle: str) -> bytes:
    return associated_data(kind="key ring root", ring=ring, format=FORMAT, root=handle)


@lru_cache(maxsize=1024)
def _where(kind: str, ring: str, **place: int) -> bytes:
    return associated_data(kind=f"key ring {kind}", ring=ring, format=_NODE_FORMAT, **place)


def _open(key: bytes, node: bytes, where: bytes) -> bytes:
    try:
        return unseal(key, node, where)
    except EnvelopeError as error:
        raise KeyRingDamaged("a node of the key ring was altered", _RESTORE) from error
