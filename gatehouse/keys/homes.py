"""The two homes of a key ring: making it once, finding it, and the safety of its directory.

A ring is made once, by one process, and appears only when it is complete. Nothing here may make a
new root beside a root that is already there: that root may still be needed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.engine import Engine

from gatehouse.keys.errors import (
    AlreadyInitialised,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
)
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.roots import Root, belongs_to, new_handle, sync_directory
from gatehouse.keys.shelf import FORMAT, Shelf, TopRow, apply
from gatehouse.keys.table_shelf import TableShelf
from gatehouse.keys.tree import Known, Tree, make_generation

RING_FILE: Final = "ring.db"
_UNFINISHED: Final = "ring.db.unfinished"
_SUFFIXES: Final = ("", "-wal", "-shm")


class Home(Protocol):
    """Where one ring lives."""

    def is_made(self) -> bool:
        """Whether there is a ring."""
        ...

    def make(self, root: Root, now: float) -> None:
        """A new ring with its first root.

        Raises `AlreadyInitialised`, and `KeyRingDamaged` when only roots are left. What was cut
        off is finished by the next attempt.
        """
        ...

    def put(self, copy: Path) -> None:
        """Put a copy of the ring here, in place of what there is, whole or not at all."""
        ...

    def shelf(self, root: Root) -> Shelf:
        """The nodes of the ring. Raises `KeyRingNotReady`, `KeyRingDamaged`."""
        ...


class FileHome:
    """A ring in the file `ring.db` of a directory that only its owner may enter."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def is_made(self) -> bool:
        return (self.directory / RING_FILE).exists()

    def make(self, root: Root, now: float) -> None:
        make_private(self.directory)
        with alone(self.directory):
            if self.is_made():
                raise AlreadyInitialised("there is a key ring already; nothing was changed")
            unfinished = self.directory / _UNFINISHED
            if unfinished.exists():  # cut off before the ring was ever used
                _end_roots_of(FileShelf(unfinished), root)
                _unlink(unfinished)
            _refuse_roots_without_ring(root, self.directory / RING_FILE)
            shelf = FileShelf.create(unfinished)
            _fill(shelf, root, now)
            shelf.close()
            os.replace(unfinished, self.directory / RING_FILE)
            sync_directory(self.directory)

    def put(self, copy: Path) -> None:
        make_private(self.directory)
        with alone(self.directory):
            if self.is_made():
                present = FileShelf(self.directory / RING_FILE)
                try:  # inside the file, because a server may have it open
                    present.bring_up_to_date()
                    _copy(FileShelf(copy, shared=False), present)
                    return
                except KeyRingDamaged:
                    pass
                finally:
                    present.close()
            beside = self.directory / f"{RING_FILE}.restored"
            _unlink(beside)
            copy_shelf(FileShelf(copy, shared=False), beside)
            for suffix in _SUFFIXES[1:]:  # of the ring that is replaced; they fit no other
                (self.directory / (RING_FILE + suffix)).unlink(missing_ok=True)
            os.replace(beside, self.directory / RING_FILE)
            sync_directory(self.directory)

    def shelf(self, root: Root) -> Shelf:
        if not self.is_made():
            if self.directory.is_dir():
                _refuse_roots_without_ring(root, self.directory / RING_FILE)
            raise KeyRingNotReady("there is no key ring yet", "run `gatehouse init`")
        check_private(self.directory)
        shelf = FileShelf(self.directory / RING_FILE)
        shelf.bring_up_to_date()
        return shelf


class TableHome:
    """A ring in tables of the PostgreSQL database of `engine`, for several hosts."""

    def __init__(self, engine: Engine) -> None:
        self._shelf = TableShelf(engine)

    def is_made(self) -> bool:
        if not self._shelf.exists():
            return False
        with self._shelf.reading():
            return _is_complete(self._shelf)

    def make(self, root: Root, now: float) -> None:
        self._shelf.create()
        ring = secrets.token_hex(16)
        with self._shelf.writing():
            # The id is written down first, so that roots of a cut-off attempt can be told.
            if _is_complete(self._shelf):
                raise AlreadyInitialised("there is a key ring already; nothing was changed")
            cut_off = self._shelf.top()
            if cut_off is None:
                _refuse_roots_without_ring(root, Path(RING_FILE))
            else:
                ring = cut_off.ring
                _end_roots(root, ring)
            self._shelf.put_top(_empty(ring))
        with self._shelf.writing():
            top = self._shelf.top()
            if top is None or top.ring != ring or top.wrapped:
                raise AlreadyInitialised("another process made the key ring at the same time")
            _fill_inside(self._shelf, root, ring, now)

    def put(self, copy: Path) -> None:
        self._shelf.create()
        _copy(FileShelf(copy, shared=False), self._shelf)

    def shelf(self, root: Root) -> Shelf:
        if not self.is_made():
            raise KeyRingNotReady(
                "there is no key ring in the database yet",
                "run `gatehouse init`, or `gatehouse keys restore` if there was one",
            )
        return self._shelf


def make_private(directory: Path) -> None:
    """Make `directory` with mode 0700; refuse one that is open to others."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise KeyRingUnavailable(f"{directory} cannot be made: {error.strerror}") from error
    check_private(directory)


def check_private(directory: Path) -> None:
    """Raise `KeyRingNotReady` when others than the owner may enter `directory`."""
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        raise KeyRingNotReady(
            f"the directory of the keys is open to others: {directory}", f"chmod 700 {directory}"
        )


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Only one process at a time is inside."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def copy_shelf(source: Shelf, path: Path) -> None:
    """A consistent copy of `source` as a ring file at `path`, which must not exist."""
    target = FileShelf.create(path, shared=False)
    try:
        _copy(source, target)
    finally:
        target.close()


def _copy(source: Shelf, target: Shelf) -> None:
    with source.reading():
        top, days = source.top(), source.days()
        buckets, pages = source.buckets_after(-1), source.pages_after(-1)
    if top is None or not top.wrapped:
        raise KeyRingDamaged("the copy holds no key ring")
    with target.writing():
        for day in target.days():
            target.drop(day)
        apply(target, top, days, buckets, pages)


def _fill(shelf: Shelf, root: Root, now: float) -> None:
    ring = secrets.token_hex(16)
    with shelf.writing():  # kept even if what follows is cut off: it says whose the roots are
        shelf.put_top(_empty(ring))
    with shelf.writing():
        _fill_inside(shelf, root, ring, now)


def _fill_inside(shelf: Shelf, root: Root, ring: str, now: float) -> None:
    tree = Tree(shelf, root, Known(revision=0, ring=ring))
    tree.save(make_generation(root, new_handle(ring), ring), now)


def _empty(ring: str) -> TopRow:
    return TopRow(FORMAT, ring, 0, 0, "", b"", b"", 0, 0.0, 0.0)


def _is_complete(shelf: Shelf) -> bool:
    top = shelf.top()
    return top is not None and bool(top.wrapped)


def _end_roots_of(unfinished: Shelf, root: Root) -> None:
    try:
        with unfinished.reading():
            top = unfinished.top()
    except (KeyRingDamaged, KeyRingUnavailable):
        return  # cut off before it was written to: it has no roots
    finally:
        unfinished.close()
    if top is not None:
        _end_roots(root, top.ring)


def _end_roots(root: Root, ring: str) -> None:
    for handle in root.handles():
        if belongs_to(handle, ring):
            root.destroy(handle)


def _refuse_roots_without_ring(root: Root, expected: Path) -> None:
    if root.handles():
        raise KeyRingDamaged(
            "the key ring is missing, but a key root is there",
            f"put {expected.name} back with `gatehouse keys restore`",
            "to start anew and lose every conversation, remove the roots yourself"
            + (" (root-*.key)" if root.kind == "file" else ", or choose another keys.namespace"),
        )


def _unlink(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
