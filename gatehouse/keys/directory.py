"""The directory that holds the key ring and its roots: its safety, and its first contents.

A ring is made once, by one process, and appears under its name only when it is complete. Nothing
here may make a new root beside a root that is already there: that root may still be needed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gatehouse.keys.errors import KeyRingDamaged, KeyRingNotReady, KeyRingUnavailable
from gatehouse.keys.roots import Root, sync_directory
from gatehouse.keys.shelf import FORMAT, Shelf
from gatehouse.keys.tree import Known, Tree

RING_FILE: Final = "ring.db"
_UNFINISHED: Final = "ring.db.unfinished"


def create_ring(directory: Path, root: Root) -> None:
    unfinished = directory / _UNFINISHED
    if unfinished.exists():  # cut off before the ring was ever used: its roots wrap nothing
        for suffix in ("", "-wal", "-shm"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
        for handle in root.handles():
            root.destroy(handle)
    elif root.handles():
        refuse_missing(directory, root)
    shelf = Shelf.create(unfinished)
    ring = secrets.token_hex(16)
    with shelf.writing():
        shelf.execute("INSERT INTO ring VALUES (1, ?, ?, 0, 0, '', x'', x'')", FORMAT, ring)
        tree = Tree(shelf, root, Known(revision=0, ring=ring))
        tree.save(new_root=root.create())
    shelf.close()
    os.replace(unfinished, directory / RING_FILE)
    sync_directory(directory)


def refuse_missing(directory: Path, root: Root) -> None:
    if directory.is_dir() and root.handles():
        raise KeyRingDamaged(
            "the key ring is missing, but a key root is there",
            f"put {RING_FILE} back from its mirror into {directory}",
            "to start anew and lose every conversation, remove the root-*.key files yourself",
        )
    raise KeyRingNotReady("there is no key ring yet", "run `gatehouse init`")


def make_private(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise KeyRingUnavailable(f"{directory} cannot be made: {error.strerror}") from error
    check_private(directory)


def check_private(directory: Path) -> None:
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        raise KeyRingNotReady(
            f"the directory of the keys is open to others: {directory}", f"chmod 700 {directory}"
        )


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
