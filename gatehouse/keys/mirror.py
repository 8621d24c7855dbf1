"""A second copy of the key ring in another place, kept in step and checked.

Losing the ring loses every conversation, so a copy of it follows every change: within a second or
two for ordinary ones, before the old root is destroyed for a new generation. The copy is a ring
file of its own with the same name. A place that is away must never stop serving; it is said in the
status. The mirror must never make a copy where there was none (an unmounted volume looks like
that), overwrite the mirror of another ring, or follow a ring that is older than itself.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.keys.errors import KeyRingDamaged, KeyRingNotReady, KeyRingUnavailable
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.homes import RING_FILE, check_private, copy_shelf, make_private
from gatehouse.keys.mirror_state import MirrorState
from gatehouse.keys.shelf import Shelf, TopRow, apply

_PAUSE: Final = 1.0
_RETRY: Final = 15.0
_PATIENCE: Final = 1.0


class Mirror:
    """The copy of the ring on `shelf` in `directory`."""

    def __init__(self, directory: Path, shelf: Shelf, clock: Clock) -> None:
        self.path = directory / RING_FILE
        self._shelf = shelf
        self._clock = clock

    def make(self) -> None:
        """The first copy. Raises `KeyRingUnavailable` when there is a file already."""
        make_private(self.path.parent)
        unfinished = self.path.with_name(RING_FILE + ".unfinished")
        for leftover in (unfinished, unfinished.with_name(unfinished.name + "-journal")):
            leftover.unlink(missing_ok=True)
        if self.path.exists():
            raise KeyRingUnavailable(f"there is a ring already in {self.path.parent}")
        copy_shelf(self._shelf, unfinished)
        os.replace(unfinished, self.path)
        self.sync()

    def sync(self) -> float:
        """Bring the copy up to the ring's present state; when that was (epoch seconds).

        Raises `KeyRingUnavailable` when the place is away, `KeyRingDamaged` when the copy is of
        another ring or newer than the ring.
        """
        copy, now = self._copy(), self._clock.now()
        try:
            with self._shelf.writing():  # durable, so that the copy is never ahead of the ring
                self._shelf.set_mirrored(now)
            with copy.reading():
                known = copy.top()
            with self._shelf.reading():
                top, days = self._shelf.top(), self._shelf.days()
                after = self._comparable(known, top).changed
                buckets, pages = self._shelf.buckets_after(after), self._shelf.pages_after(after)
            with copy.writing():
                present = copy.top()
                if top is not None and present is not None and present.changed <= after:
                    apply(copy, top, days, buckets, pages)
        finally:
            copy.close()
        return now

    def state(self) -> MirrorState:
        """How the copy stands now; never raises `GatehouseError`."""
        place = str(self.path.parent)
        try:
            copy = self._copy()
            try:
                with copy.reading():
                    known = copy.top()
            finally:
                copy.close()
            with self._shelf.reading():
                top = self._shelf.top()
            known = self._comparable(known, top)
        except GatehouseError as error:
            return MirrorState(place, False, None, error.message, self.is_on_same_volume())
        in_step = top is not None and (known.generation, known.changed) == (
            top.generation,
            top.changed,
        )
        trouble = None if in_step else "it is behind the ring"
        return MirrorState(place, in_step, known.mirrored_at, trouble, self.is_on_same_volume())

    def is_on_same_volume(self) -> bool:
        """Whether the copy would be lost together with a ring in a file."""
        if not isinstance(self._shelf, FileShelf):
            return False
        try:
            return self.path.parent.stat().st_dev == self._shelf.path.stat().st_dev
        except OSError:
            return False

    def _copy(self) -> FileShelf:
        if not os.path.exists(self.path):
            raise KeyRingUnavailable(
                f"there is no mirror in {self.path.parent}",
                "is its volume mounted? `gatehouse keys mirror --new` makes the first copy",
            )
        try:
            check_private(self.path.parent)
        except (OSError, KeyRingNotReady) as error:
            raise KeyRingUnavailable(
                f"the mirror's directory is not private: {self.path.parent}",
                f"chmod 700 {self.path.parent}",
            ) from error
        return FileShelf(self.path, shared=False, called="the mirror")

    def _comparable(self, copy: TopRow | None, ring: TopRow | None) -> TopRow:
        if copy is None or ring is None or copy.ring != ring.ring:
            raise KeyRingDamaged(
                f"the mirror in {self.path.parent} is of another ring",
                "name a directory of its own for each deployment in keys.mirror",
            )
        if (copy.generation, copy.changed) > (ring.generation, ring.changed):
            raise KeyRingDamaged(
                "the key ring is older than its mirror: it was put back to an earlier state",
                "stop serving and look into it; `gatehouse keys restore` takes the mirror's state",
            )
        return copy


class Following:
    """Keeps a mirror in step from a thread of its own; the ring's `Follower`."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.error: str | None = None
        """Why the last attempt failed; None when it succeeded."""
        self._last: tuple[float, bool] | None = None  # of the last success: when, same volume
        self._wanted = threading.Condition()
        self._asked = 0
        self._done = 0
        self._urgent = False
        self._stuck = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._process = 0

    def touched(self) -> None:
        self._ask(urgent=False)

    def rotated(self) -> None:
        """Waits a second at most: an erasure does not depend on a second place."""
        number = self._ask(urgent=True)
        with self._wanted:
            if not self._stuck:
                self._stuck = not self._wanted.wait_for(
                    lambda: self._done >= number, timeout=_PATIENCE
                )

    def state(self, *, live: bool = False) -> MirrorState:
        """What the last attempt found; `live` looks now, and waits for a place that hangs."""
        if live:
            self.rotated()
            return self.mirror.state()
        with self._wanted:
            waiting, error, state = self._asked > self._done, self.error, self._last
        if error is None and (waiting or state is None):
            error = "it does not answer" if self._stuck else "it is behind the ring"
        place = str(self.mirror.path.parent)
        synced_at, same_volume = (None, False) if state is None else (state[0], state[1])
        return MirrorState(place, error is None, synced_at, error, same_volume)

    def close(self) -> None:
        """Copy what is outstanding and stop."""
        with self._wanted:
            thread, self._closing = self._thread, True
            self._wanted.notify_all()
        if thread is not None and self._process == os.getpid():
            thread.join(timeout=5)
        self._thread, self._closing = None, False

    def _ask(self, *, urgent: bool) -> int:
        with self._wanted:
            if self._thread is None or self._process != os.getpid():
                self._process = os.getpid()
                self._thread = threading.Thread(
                    target=self._follow, name="gatehouse-ring-mirror", daemon=True
                )
                self._thread.start()
            self._asked += 1
            self._urgent = self._urgent or urgent
            self._wanted.notify_all()
            return self._asked

    def _follow(self) -> None:
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._asked > self._done or self._closing)
                if self._asked <= self._done:
                    return
                number, self._urgent = self._asked, False
            try:
                at = self.mirror.sync()
                self._last, self.error = (at, self.mirror.is_on_same_volume()), None
            except GatehouseError as error:
                self.error = error.message
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must go on
                self.error = f"unexpected {type(error).__name__}"
            with self._wanted:
                self._done, self._stuck = number, False
                self._wanted.notify_all()
                if self._closing and self.error is not None:
                    return
                pause = _PAUSE if self.error is None else _RETRY
                self._wanted.wait_for(lambda: self._urgent or self._closing, timeout=pause)
                if self.error is not None and self._asked <= self._done:
                    self._asked += 1  # try again although nothing new happened
