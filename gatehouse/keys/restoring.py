"""Putting a copy of the ring back in its home, after the home was lost, damaged or put back.

A copy counts only when every node of it opens under the root that is there now: a copy of an
earlier generation never does, on purpose. A ring that opens and is newer than the copy must not be
replaced unasked, because the keys that only it holds would be lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError, InvalidInput, Unavailable
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.homes import RING_FILE, Home, copy_shelf
from gatehouse.keys.opening import open_home, open_ring, open_root
from gatehouse.keys.ring import KeyRing
from gatehouse.keys.roots import MemoryRoot, Root, new_handle
from gatehouse.keys.shelf import Shelf
from gatehouse.keys.tree import Known, Tree, load, make_generation
from gatehouse.settings import Settings

BEFORE: Final = "ring.db.before-restore"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: its generation and keys, and what it replaced (None: nothing readable)."""

    generation: int
    keys: int
    replaced: Path | None


@dataclass(frozen=True, slots=True)
class _State:
    ring: str
    generation: int
    revision: int
    changed: int


def copy_state(settings: Settings, clock: Clock, copy: Path) -> tuple[int, int]:
    """Generation and number of keys of a copy that opens whole under the present root.

    Raises `RootMissing` when the copy is of an earlier generation, `KeyRingDamaged` when it is
    not what was written.
    """
    with _opened(settings, clock, copy) as (ring, _):
        checked = ring.check()
        return checked.generation, checked.keys


def restore_ring(
    settings: Settings, clock: Clock, copy: Path, *, take_older: bool = False
) -> Restored:
    """Put `copy` (a ring file, or a directory that holds one) in the place of the ring.

    Raises what `copy_state` raises, and `InvalidInput` when the present ring opens and is newer,
    unless `take_older`, or is of another deployment.
    """
    root = open_root(settings)
    home = open_home(settings)
    with _opened(settings, clock, copy) as (ring, path):
        offered, keys = _state(ring), ring.check().keys
        present = _present(home, root, clock)
        if present is not None:
            _require_better(offered, present, take_older)
        replaced = _set_aside(home, root, settings)
        home.put(path)
    if present is not None:
        shelf = home.shelf(root)
        with shelf.writing():
            shelf.restamp(
                max(offered.revision, present.revision) + 1,
                max(offered.changed, present.changed) + 1,
            )
        shelf.close()
    again = open_ring(settings, clock)
    generation = again.generation
    again.close()
    return Restored(generation, keys, replaced)


def move_root(settings: Settings, clock: Clock, before: str) -> int:
    """Move the ring from a root of the kind `before` to the one of the settings; the generation.

    Nothing may serve meanwhile. The old root is destroyed once the ring, and its mirror, are under
    the new one. Raises what opening either root raises; `InvalidInput` when there is nothing to
    move.
    """
    if before == settings.keys.root:
        raise InvalidInput(
            f"the settings name a root of this kind already: {before}",
            "set keys.root to the new place and say with --from where the root was",
        )
    old = open_root(replace(settings, keys=replace(settings.keys, root=before)))
    new = open_root(settings)
    shelf = open_home(settings).shelf(old)
    with shelf.writing():
        known = load(shelf, old, Known()).copy()
        handle = known.handle
        tree = Tree(shelf, old, known)
        tree.save(make_generation(new, new_handle(known.ring), known.ring), clock.now())
    shelf.close()
    ring = open_ring(settings, clock)
    generation = ring.generation
    ring.close()
    old.destroy(handle)
    return generation


def throw_away_copy(ring: KeyRing, directory: Path, clock: Clock) -> KeyRing:
    """A copy of `ring` in the private `directory`, under a root that exists in memory only.

    For trying a backup: every key is there, and nothing that is done with the copy makes or ends a
    root of `ring`. Raises what reading the ring raises.
    """
    path = directory / RING_FILE
    ring.copy_to(path)
    shelf, root = FileShelf(path), MemoryRoot()
    with shelf.writing():
        known = load(shelf, ring._keeper.root, Known()).copy()
        tree = Tree(shelf, ring._keeper.root, known)
        tree.save(make_generation(root, new_handle(known.ring), known.ring), clock.now())
    return KeyRing(shelf, root, clock)


@contextmanager
def _opened(settings: Settings, clock: Clock, copy: Path) -> Iterator[tuple[KeyRing, Path]]:
    """A private temporary copy of a ring file, open under the present root, and its path."""
    source = copy / RING_FILE if copy.is_dir() else copy
    if not source.is_file():
        raise InvalidInput(f"there is no copy of a ring: {source}")
    root = open_root(settings)
    with tempfile.TemporaryDirectory(prefix="gatehouse-ring-") as scratch:
        path = Path(scratch) / RING_FILE
        if settings.keys.mirror and source == settings.path(settings.keys.mirror) / RING_FILE:
            mirror = FileShelf(source, shared=False)  # under its lock: a server may write to it
            copy_shelf(mirror, path)
            mirror.close()
            source = path
        with KeyRing.open_copy(source, source.parent, clock, lambda _directory: root) as ring:
            if source != path:
                ring.copy_to(path)
            yield ring, path


def _state(ring: KeyRing) -> _State:
    with ring._keeper.reading() as tree:
        known = tree.known
        return _State(known.ring, known.generation, known.revision, known.changed)


def _present(home: Home, root: Root, clock: Clock) -> _State | None:
    """The ring that is there; None when it is not, or does not open."""
    try:
        return _state(KeyRing(home.shelf(root), root, clock))
    except Unavailable:
        raise  # it may well open when the disk, the database or the root answers again
    except GatehouseError:
        return None


def _require_better(offered: _State, present: _State, take_older: bool) -> None:
    if offered.ring != present.ring:
        raise InvalidInput(
            "the copy is of another deployment's ring, and this one opens; nothing was changed"
        )
    if (offered.generation, offered.changed) < (present.generation, present.changed):
        if take_older:
            return
        raise InvalidInput(
            "the ring that is there opens and is newer than the copy; nothing was changed",
            "--older takes the copy all the same; conversations begun since then are lost",
        )


def _set_aside(home: Home, root: Root, settings: Settings) -> Path | None:
    target = settings.path(settings.keys.directory) / BEFORE
    try:
        present: Shelf = home.shelf(root)
        unfinished = target.with_name(target.name + ".unfinished")
        unfinished.unlink(missing_ok=True)
        copy_shelf(present, unfinished)
        unfinished.replace(target)
    except Unavailable:
        raise
    except GatehouseError:
        return None  # there is none, or it cannot be read
    return target
