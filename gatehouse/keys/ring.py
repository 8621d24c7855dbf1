"""The key ring: every key of the package, and the only place where a key can die.

Root generation → bucket per expiry day → data key per conversation. Taking a key out moves the
ring to a new root generation and destroys the old one, so that every older copy of `ring.db`,
wherever it is, stops opening; deleting rows anywhere else is housekeeping. The ring must never
make a new root for an existing ring, and never hand out a key after its expiry.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys.directory import (
    RING_FILE,
    alone,
    check_private,
    create_ring,
    make_private,
    refuse_missing,
)
from gatehouse.keys.envelope import KEY_SIZE
from gatehouse.keys.errors import AlreadyInitialised, KeyRingUnavailable, UnknownKey
from gatehouse.keys.nodes import HELD, KEPT, Entry, day_is_over, digest_of, expiry_day
from gatehouse.keys.roots import FileRoot, Root
from gatehouse.keys.shelf import Shelf
from gatehouse.keys.tree import Known, Tree, load

# An extension that a power cut may lose shortens a life by no more than this many seconds.
_SYNC_EVERY: Final = 60.0

RootFactory = Callable[[Path, Clock], Root]


class KeyRing:
    """Keys by name; safe for threads and for several processes of one host."""

    def __init__(self, shelf: Shelf, root: Root, clock: Clock) -> None:
        self._shelf = shelf
        self._root = root
        self._clock = clock
        self._known = Known()
        self._synced_at = clock.now()

    @staticmethod
    def is_initialised(directory: Path) -> bool:
        """Whether `directory` holds a key ring."""
        return (directory / RING_FILE).exists()

    @classmethod
    def initialise(cls, directory: Path, clock: Clock, root: RootFactory = FileRoot) -> KeyRing:
        """A new ring with its first root in `directory` (made with mode 0700).

        Raises `AlreadyInitialised` when there is one, and `KeyRingDamaged` when only its roots
        are left. An initialisation that was cut off is finished by the next one.
        """
        make_private(directory)
        with alone(directory):
            if cls.is_initialised(directory):
                raise AlreadyInitialised("there is a key ring already; nothing was changed")
            create_ring(directory, root(directory, clock))
        return cls.open(directory, clock, root)

    @classmethod
    def open(cls, directory: Path, clock: Clock, root: RootFactory = FileRoot) -> KeyRing:
        """The ring in `directory`.

        Raises `KeyRingNotReady` when there is none or the directory is open to others,
        `RootMissing` when its root is gone, `KeyRingDamaged` when it is not what was written.
        """
        if not cls.is_initialised(directory):
            refuse_missing(directory, root(directory, clock))
        check_private(directory)
        ring = cls(Shelf(directory / RING_FILE), root(directory, clock), clock)
        ring._settle()
        return ring

    @classmethod
    @contextmanager
    def open_copy(
        cls, copy: Path, directory: Path, clock: Clock, root: RootFactory = FileRoot
    ) -> Iterator[KeyRing]:
        """An old copy of `ring.db` under the present roots of `directory`, for proofs only.

        Works on a private temporary copy, so that neither the copy nor any root is changed; its
        write-ahead log, when it lies beside it, belongs to it. Raises `RootMissing` when the
        generation of the copy was destroyed, `KeyRingDamaged` when it is not a ring.
        """
        with tempfile.TemporaryDirectory(prefix="gatehouse-ring-") as scratch:
            path = Path(scratch) / RING_FILE
            for suffix in ("", "-wal"):
                beside = copy.with_name(copy.name + suffix)
                if not suffix or beside.exists():
                    _copy_private(beside, path.with_name(path.name + suffix))
            ring = cls(Shelf(path), root(directory, clock), clock)
            try:
                with ring._reading():
                    pass
                yield ring
            finally:
                ring.close()

    @property
    def generation(self) -> int:
        """Number of the present root generation; it only grows."""
        with self._reading() as tree:
            return tree.known.generation

    def service_key(self, purpose: str) -> bytes:
        """32 bytes made at random once per purpose, the same ever after."""
        with self._reading() as tree:
            key = tree.known.top.services.get(purpose)
        if key is None:
            with self._writing() as tree:
                key = tree.known.top.services.get(purpose) or tree.add_service(purpose)
        return key

    def data_key(self, name: str, expires_at: float) -> bytes:
        """The key of `name`, made if there is no live one, to expire at `expires_at`.

        Raises `InvalidInput` when that is not in the future.
        """
        now = self._clock.now()
        if not now < expires_at:
            raise InvalidInput("a key cannot be made to expire in the past")
        entry = self.lookup(name)
        if entry is not None and entry.expires_at == expires_at:
            return entry.key
        with self._writing() as tree:
            found = tree.find(name)
            if found is not None and not found[1].alive(now):
                tree.remove(found[0], digest_of(name))
                found = None
            key = found[1].key if found else os.urandom(KEY_SIZE)
            _place(tree, name, found, Entry(key, expires_at, found[1].position if found else 0))
        return key

    def find(self, name: str) -> tuple[bytes, float] | None:
        """Key and expiry of `name`; None when it never was, was destroyed or has expired."""
        entry = self.lookup(name)
        return None if entry is None else (entry.key, entry.expires_at)

    def lookup(self, name: str) -> Entry | None:
        """As `find`, with the position that `advance` recorded last."""
        with self._reading() as tree:
            found = tree.find(name)
        return found[1] if found and found[1].alive(self._clock.now()) else None

    def find_any(self, name: str) -> Entry | None:
        """As `lookup`, expired or not; only for proving what a copy of the ring still opens."""
        with self._reading() as tree:
            found = tree.find(name)
        return found[1] if found else None

    def extend(self, name: str, expires_at: float) -> None:
        """Let `name` expire at `expires_at`. Raises `UnknownKey` when it has no live key."""
        self.advance(name, expires_at, 0)

    def advance(
        self, name: str, expires_at: float, position: int, held_as: str | None = None
    ) -> None:
        """As `extend`, and record that the records of `name` go as far as `position`.

        The position never goes back. It is what lets a store notice that its database was put
        back to an older state. The copy held as `held_as`, if there is one, follows. Survives
        the death of the process at once, a power cut after at most a minute.
        """
        now = self._clock.now()
        with self._writing(durable=self._sync_is_due(now)) as tree:
            found = tree.find(name)
            if found is None or not found[1].alive(now):
                raise UnknownKey("a key that should be extended does not exist any more")
            entry = found[1]
            position = max(position, entry.position)
            if (expires_at, position) != (entry.expires_at, entry.position):
                _place(tree, name, found, Entry(entry.key, expires_at, position))
                if held_as is not None and tree.find_in(HELD, held_as) is not None:
                    tree.put(HELD, held_as, Entry(entry.key, expires_at, position))

    def destroy(self, names: Iterable[str]) -> int:
        """End the keys of `names`, here and in every older copy of the ring; how many there were.

        Kept keys of these names end as well; copies under a hold stay. Raises `KeyRingUnavailable` when the old root could not be destroyed; asking again, for
        the same or no names, then tries again.
        """
        names = set(names)
        with self._rotating() as tree:
            found = [(place, name) for name in names if (place := tree.find(name))]
            for (day, _entry), name in found:
                tree.remove(day, digest_of(name))
            kept = [name for name in names if tree.find_in(KEPT, name)]
            for name in kept:
                tree.remove(KEPT, digest_of(name))
        return len(found) + len(kept)

    def drop_expired(self) -> int:
        """End every expired key, whole buckets where the day is over; how many there were."""
        now = self._clock.now()
        with self._rotating() as tree:
            over = [day for day in tree.days() if day_is_over(day, now)]
            dropped = sum(tree.drop(day) for day in over)
            pages = self._shelf.execute("SELECT day, shard FROM pages WHERE earliest <= ?", now)
            for day, shard in pages:
                ended = [d for d, e in tree.page(day, shard).items() if not e.alive(now)]
                for digest in ended:
                    tree.remove(day, digest)
                dropped += len(ended)
        return dropped

    def hold(self, name: str, held_as: str) -> None:
        """Keep a second copy of the live key of `name`, called `held_as`, until `release`.

        Neither its expiry nor `destroy` ends that copy, and no other method answers from it: who
        may hold and read is for the caller to decide and to record. Holding again is no error.
        Raises `UnknownKey` when `name` has no live key, `InvalidInput` when another key is held
        under `held_as`.
        """
        now = self._clock.now()
        with self._writing() as tree:
            found, held = tree.find(name), tree.find_in(HELD, held_as)
            if found is None or not found[1].alive(now):
                raise UnknownKey("a key that should be held does not exist any more")
            if held is not None and held.key != found[1].key:
                raise InvalidInput("another key is held under this name")
            tree.put(HELD, held_as, found[1])

    def held(self, held_as: str) -> Entry | None:
        """The copy that `hold` made, whatever became of the original; None when there is none."""
        with self._reading() as tree:
            return tree.find_in(HELD, held_as)

    def release(self, held_as: Iterable[str]) -> int:
        """End held copies as `destroy` ends keys; how many there were."""
        held_as = set(held_as)
        with self._rotating() as tree:
            found = [name for name in held_as if tree.find_in(HELD, name)]
            for name in found:
                tree.remove(HELD, digest_of(name))
        return len(found)

    def kept_key(self, name: str) -> bytes:
        """32 bytes made once for `name`, without expiry, until `destroy`."""
        key = self.find_kept(name)
        if key is None:
            with self._writing() as tree:
                entry = tree.find_in(KEPT, name)
                if entry is None:
                    entry = Entry(os.urandom(KEY_SIZE), 0.0, 0)
                    tree.put(KEPT, name, entry)
                key = entry.key
        return key

    def find_kept(self, name: str) -> bytes | None:
        """The kept key of `name`; None when there is none."""
        with self._reading() as tree:
            entry = tree.find_in(KEPT, name)
        return entry.key if entry else None

    def rotate(self) -> int:
        """Move to a new root generation; its number. Older copies of the ring stop opening."""
        with self._rotating(always=True) as tree:
            pass
        return tree.known.generation

    def irreversible_at(self, destroyed_at: float) -> float:
        """When what was destroyed at `destroyed_at` is gone for good (epoch seconds)."""
        return self._root.irreversible_at(destroyed_at)

    def tag_key(self, expires_at: float) -> bytes:
        """The key of pseudonyms that shall die with the bucket of `expires_at`."""
        day = expiry_day(expires_at)
        keys = self.tag_keys()
        if day not in keys:
            with self._writing() as tree:
                return tree.ensure_bucket(day).tag_key
        return keys[day]

    def tag_keys(self) -> dict[int, bytes]:
        """The tag keys of all buckets, by expiry day (days since the epoch)."""
        with self._reading() as tree:
            return {day: tree.bucket(day).tag_key for day in tree.days()}

    def copy_to(self, path: Path) -> None:
        """A copy of `ring.db` for a mirror. It opens only until the next root generation."""
        self._shelf.copy_to(path)

    def close(self) -> None:
        """Forget what is open."""
        self._known = Known()
        self._shelf.close()

    def _settle(self) -> None:
        """Open the ring once, and end roots that a crash left behind."""
        with self._rotating():
            pass

    def _sync_is_due(self, now: float) -> bool:
        return not 0 <= now - self._synced_at < _SYNC_EVERY

    @contextmanager
    def _reading(self) -> Iterator[Tree]:
        with self._shelf.reading():
            self._known = load(self._shelf, self._root, self._known)
            yield Tree(self._shelf, self._root, self._known)

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[Tree]:
        with self._shelf.writing(durable=durable):
            tree = Tree(self._shelf, self._root, load(self._shelf, self._root, self._known).copy())
            yield tree
            tree.save()
        self._known = tree.known
        if durable:
            self._synced_at = self._clock.now()

    @contextmanager
    def _rotating(self, *, always: bool = False) -> Iterator[Tree]:
        with self._shelf.writing():
            known = load(self._shelf, self._root, self._known).copy()
            tree = Tree(self._shelf, self._root, known)
            yield tree
            if always or tree.removes:
                # Made inside the transaction: no other process can take it for a left-over.
                tree.save(new_root=self._root.create())
        self._known = tree.known
        self._synced_at = self._clock.now()
        self._end_old_roots()

    def _end_old_roots(self) -> None:
        """Destroy every root but the present one.

        Only after the ring has opened under its root: beside an old copy of the ring, the
        present root is not a left-over.
        """
        if self._root.handles() <= {self._known.handle}:
            return
        with self._shelf.writing():
            present = load(self._shelf, self._root, self._known).handle
            for handle in self._root.handles() - {present}:
                self._root.destroy(handle)


def _place(tree: Tree, name: str, found: tuple[int, Entry] | None, entry: Entry) -> None:
    if found is not None and found[0] != expiry_day(entry.expires_at):
        tree.remove(found[0], digest_of(name))
    tree.put(expiry_day(entry.expires_at), name, entry)


def _copy_private(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise KeyRingUnavailable(f"{source} cannot be read: {error.strerror}") from error
