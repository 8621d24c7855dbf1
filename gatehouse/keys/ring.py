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
from contextlib import contextmanager, suppress
from pathlib import Path

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys.envelope import KEY_SIZE, is_current
from gatehouse.keys.errors import KeyRingUnavailable, UnknownKey
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.homes import RING_FILE, FileHome, copy_shelf
from gatehouse.keys.keeper import Follower, Keeper
from gatehouse.keys.lasting import LastingKeys
from gatehouse.keys.nodes import HELD, KEPT, Entry, digest_of, expiry_day
from gatehouse.keys.roots import FileRoot, Root
from gatehouse.keys.shelf import FORMAT, Shelf
from gatehouse.keys.status import RingCheck, RingStatus, check_of, status_of
from gatehouse.keys.tree import Tree

RootFactory = Callable[[Path], Root]


class KeyRing(LastingKeys):
    """Keys by name; safe for threads and for several processes."""

    def __init__(
        self,
        shelf: Shelf,
        root: Root,
        clock: Clock,
        *,
        follower: Follower | None = None,
        expiry_every: float = 0.0,
        root_copies_kept: float = 0.0,
    ) -> None:
        """The ring on `shelf` under `root`; see `open` and `gatehouse.keys.opening`.

        `root_copies_kept` says for how many seconds backups of the place of the roots live. Roots change for scheduled expiry at most every `expiry_every` seconds; an expired key is
        never handed out all the same, and a removal on request does not wait.
        """
        super().__init__(Keeper(shelf, root, clock, follower), clock)
        self._expiry_every = expiry_every
        self._root_copies_kept = root_copies_kept

    @staticmethod
    def is_initialised(directory: Path) -> bool:
        """Whether `directory` holds a key ring."""
        return FileHome(directory).is_made()

    @classmethod
    def initialise(cls, directory: Path, clock: Clock, root: RootFactory = FileRoot) -> KeyRing:
        """A new ring with its first root in `directory` (made with mode 0700).

        Raises `AlreadyInitialised` when there is one, and `KeyRingDamaged` when only its roots
        are left. An initialisation that was cut off is finished by the next one.
        """
        FileHome(directory).make(root(directory), clock.now())
        return cls.open(directory, clock, root)

    @classmethod
    def open(cls, directory: Path, clock: Clock, root: RootFactory = FileRoot) -> KeyRing:
        """The ring in `directory`.

        Raises `KeyRingNotReady` when there is none or the directory is open to others,
        `RootMissing` when its root is gone, `KeyRingDamaged` when it is not what was written.
        """
        own = root(directory)
        ring = cls(FileHome(directory).shelf(own), own, clock)
        ring.settle()
        return ring

    @classmethod
    @contextmanager
    def open_copy(
        cls, copy: Path, directory: Path, clock: Clock, root: RootFactory = FileRoot
    ) -> Iterator[KeyRing]:
        """An old copy of `ring.db` under the present roots of `directory`, for proofs only.

        Works on a private temporary copy, so that neither the copy nor any root is changed; its
        write-ahead log or journal, when it lies beside it, belongs to it. Raises `RootMissing` when the
        generation of the copy was destroyed, `KeyRingDamaged` when it is not a ring.
        """
        with tempfile.TemporaryDirectory(prefix="gatehouse-ring-") as scratch:
            path = Path(scratch) / RING_FILE
            for suffix in ("", "-wal", "-journal"):
                beside = copy.with_name(copy.name + suffix)
                if not suffix or beside.exists():
                    _copy_private(beside, path.with_name(path.name + suffix))
            shelf = FileShelf(path)
            shelf.bring_up_to_date()
            ring = cls(shelf, root(directory), clock)
            try:
                with ring._keeper.reading():
                    pass
                yield ring
            finally:
                ring.close()

    @property
    def shelf(self) -> Shelf:
        """Where its nodes lie, to be looked at."""
        return self._keeper.shelf

    @property
    def generation(self) -> int:
        """Number of the present root generation; it only grows."""
        with self._keeper.reading() as tree:
            return tree.known.generation

    def service_key(self, purpose: str) -> bytes:
        """32 bytes made at random once per purpose, the same ever after."""
        with self._keeper.reading() as tree:
            key = tree.known.top.services.get(purpose)
        if key is None:
            with self._keeper.writing() as tree:
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
        with self._keeper.writing() as tree:
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
        with self._keeper.reading() as tree:
            found = tree.find(name)
        return found[1] if found and found[1].alive(self._clock.now()) else None

    def sight(self, name: str) -> tuple[Entry | None, dict[int, bytes]]:
        """`lookup` of `name` and `tag_keys`, as they are at one moment."""
        with self._keeper.reading() as tree:
            found, tags = tree.find(name), _tag_keys(tree)
        return (found[1] if found and found[1].alive(self._clock.now()) else None), tags

    def find_any(self, name: str) -> Entry | None:
        """As `lookup`, expired or not; only for proving what a copy of the ring still opens."""
        with self._keeper.reading() as tree:
            found = tree.find(name)
        return found[1] if found else None

    def every_key(self) -> list[bytes]:
        """All data keys, expired or not, held and kept ones left out; only for proofs."""
        with self._keeper.reading() as tree:
            return [
                entry.key
                for day in tree.days()
                for shard in tree.bucket(day).pages
                for entry in tree.page(day, shard).values()
            ]

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
        with self._keeper.writing(durable=False) as tree:
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

        Kept keys of these names end as well; copies under a hold stay. Raises
        `KeyRingUnavailable` when the old root could not be destroyed; asking again, for the same
        or no names, then tries again.
        """
        names, now = set(names), self._clock.now()

        def end(tree: Tree) -> int:
            found = [(place[0], name) for name in names if (place := tree.find(name))]
            found += [(KEPT, name) for name in names if tree.find_in(KEPT, name)]
            for day, name in found:
                tree.remove(day, digest_of(name))
            if found and not self._expiry_is_due(now):
                # This generation begins the pause anew; without this, expiry might never come.
                tree.end_expired(now)
            return len(found)

        return self._keeper.removing(end)

    def drop_expired(self) -> int:
        """End every expired key, whole buckets where the day is over; how many there were."""
        now = self._clock.now()

        def end(tree: Tree) -> int:
            return tree.end_expired(now) if self._expiry_is_due(now) else 0

        return self._keeper.removing(end)

    def rotate(self) -> int:
        """Move to a new root generation; its number. Older copies of the ring stop opening."""
        return self._keeper.removing(lambda tree: tree.known.generation, always=True) + 1

    def outdated(self) -> int:
        """How many nodes of the ring are sealed under another suite than the present one."""
        shelf = self._keeper.shelf
        with shelf.reading():
            top = shelf.top()
            nodes = [row.node for row in shelf.buckets_after(-1)]
            nodes += [row.node for row in shelf.pages_after(-1)]
        return sum(not is_current(node) for node in [*nodes, *([top.node] if top else [])])

    def reseal(self) -> int:
        """Seal every node anew under the present suite, in a new generation; how many keys."""

        def renew(tree: Tree) -> int:
            return sum(tree.renew(day) for day in list(tree.known.top.buckets))

        return self._keeper.removing(renew, always=True)

    def irreversible_at(self, destroyed_at: float) -> float:
        """When what was destroyed at `destroyed_at` is gone for good (epoch seconds)."""
        return self._keeper.root.irreversible_at(destroyed_at) + self._root_copies_kept

    def tag_key(self, expires_at: float) -> bytes:
        """The key of pseudonyms that shall die with the bucket of `expires_at`."""
        day = expiry_day(expires_at)
        keys = self.tag_keys()
        if day not in keys:
            with self._keeper.writing() as tree:
                return tree.ensure_bucket(day).tag_key
        return keys[day]

    def tag_keys(self) -> dict[int, bytes]:
        """The tag keys of all buckets, by expiry day (days since the epoch)."""
        with self._keeper.reading() as tree:
            return _tag_keys(tree)

    def copy_to(self, path: Path) -> None:
        """A copy of `ring.db` for a mirror. It opens only until the next root generation."""
        copy_shelf(self._keeper.shelf, path)

    def status(self, *, live: bool = False) -> RingStatus:
        """How the ring stands; never asks the root, and the mirror's place only when `live`."""
        return status_of(self._keeper, live=live)

    def check(self) -> RingCheck:
        """Open every node under the root that is there now, and list the roots."""
        return check_of(self._keeper)

    def settle(self) -> None:
        """Open the ring once, move one of an earlier format on, end roots that a crash left.

        A root that cannot be ended now stops nothing: `status` says so, `check` fails, and every
        later removal tries again.
        """
        with self._keeper.reading():
            top = self._keeper.shelf.top()
        if top is not None and top.format < FORMAT:
            self.rotate()
        with suppress(KeyRingUnavailable):
            self._keeper.end_old_roots()
        if self._keeper.follower is not None:
            self._keeper.follower.touched()

    def close(self) -> None:
        """Forget what is open."""
        self._keeper.close()

    def _expiry_is_due(self, now: float) -> bool:
        top = self._keeper.shelf.top()
        return top is None or not 0 <= now - top.rotated_at < self._expiry_every


def _tag_keys(tree: Tree) -> dict[int, bytes]:
    return {day: tree.bucket(day).tag_key for day in tree.days()}


def _place(tree: Tree, name: str, found: tuple[int, Entry] | None, entry: Entry) -> None:
    if found is not None and found[0] != expiry_day(entry.expires_at):
        tree.remove(found[0], digest_of(name))
    tree.put(expiry_day(entry.expires_at), name, entry)


def _copy_private(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise KeyRingUnavailable(f"{source} cannot be read: {error.strerror}") from error
