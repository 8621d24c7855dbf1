"""Transactions on the key tree, and the change of root generations that makes a removal final.

A new root is made before it is needed and an old one destroyed after nothing needs it; between the
two the ring is written. The keeper must never destroy a root that a ring may still need: it ends
only roots that carry the ring's own id, that are not the present one and that nobody has announced
as about to be used. A root that is slow to reach is asked outside of the ring's lock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.keys.errors import RootMissing
from gatehouse.keys.mirror_state import MirrorState
from gatehouse.keys.roots import Root, belongs_to, new_handle
from gatehouse.keys.shelf import Shelf
from gatehouse.keys.tree import Generation, Known, Tree, load, make_generation

T = TypeVar("T")

# An extension that a power cut may lose shortens a life by no more than this many seconds.
_SYNC_EVERY: Final = 60.0
# A root that was announced and not used by then was left behind by a process that died.
_SPARE_FOR: Final = 600.0
# How often a reader whose root ended meanwhile looks again.
_NEWER_VIEWS: Final = 4


class Follower(Protocol):
    """Is told when the ring changed; the mirror."""

    def touched(self) -> None:
        """Something changed; copy it soon."""
        ...

    def rotated(self) -> None:
        """The generation changed; copy it before the old root goes, but do not wait for long."""
        ...

    def state(self, *, live: bool = False) -> MirrorState:
        """How the copy stands, as far as is known or, `live`, as it is now."""
        ...

    def close(self) -> None:
        """Copy what is outstanding."""
        ...


class WatchedRoot:
    """A root that remembers its last failure; every call of the ring goes through it."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self.kind = root.kind
        self.local = root.local
        self.last_error: str | None = None
        """None once the root works again."""

    def create(self, handle: str) -> None:
        with self._watching():
            self._root.create(handle)

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        with self._watching():
            return self._root.wrap(handle, secret, associated)

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        with self._watching():
            return self._root.unwrap(handle, wrapped, associated)

    def destroy(self, handle: str) -> None:
        with self._watching():
            self._root.destroy(handle)

    def irreversible_at(self, destroyed_at: float) -> float:
        return self._root.irreversible_at(destroyed_at)

    def handles(self) -> frozenset[str]:
        with self._watching():
            return self._root.handles()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except GatehouseError as error:
            self.last_error = error.message
            raise
        self.last_error = None


class _NeedsRoot(Exception):
    """The transaction is undone, a root made, and the work done again."""


class Keeper:
    """One shelf, its roots and what is known of them; safe for threads and processes."""

    def __init__(
        self, shelf: Shelf, root: Root, clock: Clock, follower: Follower | None = None
    ) -> None:
        self.shelf = shelf
        self.root = WatchedRoot(root)
        self.clock = clock
        self.follower = follower
        self._known = Known()
        self._synced_at = clock.now()
        self._dead: set[str] = set()
        self._list_roots = True

    @contextmanager
    def reading(self) -> Iterator[Tree]:
        """A consistent view.

        Whoever removes a key ends the root that wrapped the view of a moment ago, so a root that is missing
        is looked for again in a newer view.
        """
        for last in (False,) * _NEWER_VIEWS + (True,):
            known = self._known
            with self.shelf.reading():
                try:
                    self._known = known = load(self.shelf, self.root, known)
                except RootMissing:
                    if last:
                        raise
                    continue
                yield Tree(self.shelf, self.root, known)
                return

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Tree]:
        """A change that takes nothing out; not `durable`: within a minute."""
        durable = durable or not 0 <= self.clock.now() - self._synced_at < _SYNC_EVERY
        known = self._known
        with self.shelf.writing(durable=durable):
            known = load(self.shelf, self.root, known)
            tree = Tree(self.shelf, self.root, known.copy())
            yield tree
            tree.save()
        self._done(tree, durable=durable)
        if self.follower is not None:
            self.follower.touched()

    def removing(self, work: Callable[[Tree], T], *, always: bool = False) -> T:
        """Do `work`, and move to a new root generation when it took a key out, or `always`.

        `work` may be called twice. When this returns no older copy of the ring opens. Raises
        `KeyRingUnavailable` when an old root could not be destroyed; the next call tries again.
        """
        spare: Generation | None = None
        while True:
            try:
                tree, result, old = self._try_removing(work, always, spare)
                break
            except _NeedsRoot:
                spare = self._make_spare()
        self._done(tree, durable=True)
        if old is not None:
            self._dead.add(old)
        elif spare is not None:  # not needed after all
            self._withdraw(spare.handle)
        if self.follower is not None:
            (self.follower.touched if old is None else self.follower.rotated)()
        self.end_old_roots()
        return result

    def end_old_roots(self) -> None:
        """Destroy every root of this ring that nothing needs any more.

        Only after the ring has opened under its root: beside an old copy of the ring, the present
        root is not a left-over.
        """
        if not self.root.local:
            # A handle is announced before its root is made and never used again, so one that was
            # listed and is then neither present nor announced is dead for good.
            listed = self.root.handles() if self._list_roots else frozenset()
            if listed or self._dead:
                self._end(listed, *self._needed())
        elif not self._mine(self.root.handles(), self._known) <= {self._known.handle}:
            with self.shelf.writing():
                present = load(self.shelf, self.root, self._known)
                self._end(self.root.handles(), present, {present.handle})
        self._list_roots = False
        self._dead.clear()

    def roots(self) -> frozenset[str]:
        """The roots of this ring that exist."""
        handles = self.root.handles()
        with self.reading() as tree:
            return frozenset(self._mine(handles, tree.known) & handles)

    def close(self) -> None:
        if self.follower is not None:
            self.follower.close()
        self._known = Known()
        self.shelf.close()

    def _try_removing(
        self, work: Callable[[Tree], T], always: bool, spare: Generation | None
    ) -> tuple[Tree, T, str | None]:
        known = self._known
        with self.shelf.writing():
            known = load(self.shelf, self.root, known)
            tree = Tree(self.shelf, self.root, known.copy())
            result = work(tree)
            if not (always or tree.removes):
                tree.save()
                return tree, result, None
            tree.save(self._new_generation(known.ring, spare), self.clock.now())
        return tree, result, known.handle

    def _new_generation(self, ring: str, spare: Generation | None) -> Generation:
        if self.root.local:
            # Made inside the transaction: no other process can take it for a left-over.
            return make_generation(self.root, new_handle(ring), ring)
        if spare is None or not self.shelf.take_spare(spare.handle):
            raise _NeedsRoot
        return spare

    def _make_spare(self) -> Generation:
        with self.reading() as tree:
            ring = tree.known.ring
        handle = new_handle(ring)
        with self.shelf.writing(durable=False):  # lost, its root is a left-over all the same
            self.shelf.add_spare(handle, self.clock.now())
        try:
            return make_generation(self.root, handle, ring)
        except GatehouseError:
            with contextlib.suppress(GatehouseError):
                self._withdraw(handle)
            raise

    def _withdraw(self, handle: str) -> None:
        with self.shelf.writing():
            self.shelf.take_spare(handle)
        self._dead.add(handle)

    def _done(self, tree: Tree, *, durable: bool) -> None:
        self._known = tree.known
        if durable:
            self._synced_at = self.clock.now()

    def _end(self, listed: frozenset[str], present: Known, needed: set[str]) -> None:
        try:
            for handle in self._mine(listed, present) - needed:
                self.root.destroy(handle)
                self._dead.discard(handle)
        except GatehouseError:
            self._list_roots = True
            raise

    def _needed(self) -> tuple[Known, set[str]]:
        """The present state and the roots that must stay, both seen at one moment."""
        with self.shelf.writing(durable=False):
            self.shelf.give_up_spares(self.clock.now() - _SPARE_FOR)
            present = load(self.shelf, self.root, self._known)
            return present, {present.handle} | self.shelf.spares()

    def _mine(self, handles: frozenset[str], known: Known) -> set[str]:
        return {handle for handle in handles if belongs_to(handle, known.ring)} | self._dead
