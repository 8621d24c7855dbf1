"""The mirror: always in step, never in the way, never of another ring or time."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import FileRoot, KeyRing, KeyRingDamaged, KeyRingUnavailable
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.homes import FileHome
from gatehouse.keys.mirror import Following, Mirror
from tests.patience import PATIENCE

DAY = 86_400


class Mirrored:
    """A ring in `keys` with its mirror in `second`."""

    def __init__(self, tmp_path: Path, clock: SettableClock) -> None:
        self.keys, self.second, self.clock = tmp_path / "keys", tmp_path / "second", clock
        KeyRing.initialise(self.keys, clock).close()
        self.mirror = Mirror(self.second, FileShelf(self.keys / "ring.db"), clock)
        self.mirror.make()
        self.open()

    def open(self) -> None:
        shelf = FileShelf(self.keys / "ring.db")
        self.following = Following(Mirror(self.second, shelf, self.clock))
        self.ring = KeyRing(shelf, FileRoot(self.keys), self.clock, follower=self.following)
        self.ring.settle()

    def restored(self) -> KeyRing:
        """The ring from its mirror, beside the roots, as after the first place was lost."""
        FileHome(self.keys).put(self.second / "ring.db")
        return KeyRing.open(self.keys, self.clock)


@pytest.fixture
def mirrored(tmp_path: Path, clock: SettableClock) -> Iterator[Mirrored]:
    mirrored = Mirrored(tmp_path, clock)
    yield mirrored
    mirrored.ring.close()


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_lost_ring_is_put_back_from_its_mirror(mirrored: Mirrored) -> None:
    """Everything that was written and closed is in the mirror, erasures too."""
    clock, ring = mirrored.clock, mirrored.ring
    keys = {f"{n}": ring.data_key(f"{n}", clock.now() + 60 + n * DAY) for n in range(20)}
    ring.advance("3", clock.now() + 9 * DAY, 4)
    ring.destroy(["5"])
    clock.advance(61)
    ring.drop_expired()
    ring.kept_key("somebody")
    ring.close()
    for path in mirrored.keys.glob("ring.db*"):
        path.unlink()
    again = mirrored.restored()
    assert {n for n in keys if again.find(n) is None} == {"0", "5"}
    assert all(again.lookup(n).key == keys[n] for n in keys if again.find(n))  # type: ignore[union-attr]
    assert again.lookup("3").position == 4  # type: ignore[union-attr]
    assert again.find_kept("somebody") is not None
    assert again.check().roots_left == 0


def test_ordinary_changes_follow_by_themselves(mirrored: Mirrored) -> None:
    """Nobody has to ask: a new key is in the mirror soon after."""
    mirrored.ring.data_key("a", mirrored.clock.now() + 60)
    _eventually(lambda: mirrored.following.state().in_step)
    state = mirrored.ring.status().mirror
    assert state == mirrored.ring.status(live=True).mirror
    assert state is not None
    assert (state.in_step, state.error, state.synced_at) == (True, None, mirrored.clock.now())


def test_the_mirror_is_in_step_before_the_old_root_goes(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it destroys the old root, the mirror opens already under the new one."""
    ring, clock = mirrored.ring, mirrored.clock
    key = ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)

    class Crash(BaseException):
        pass

    def crash(*_given: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(FileRoot, "destroy", crash)
        with pytest.raises(Crash):
            ring.destroy(["b"])
    shutil.copy(mirrored.second / "ring.db", mirrored.second / "seen.db")
    with KeyRing.open_copy(mirrored.second / "seen.db", mirrored.keys, clock) as copy:
        assert copy.generation == 2
        assert copy.find("a") == (key, clock.now() + 60)
        assert copy.find("b") is None


def test_a_mirror_that_is_away_stops_nothing_and_is_said(mirrored: Mirrored) -> None:
    """Its volume gone, keys are made and erased; the status says so until it is back."""
    ring, clock = mirrored.ring, mirrored.clock
    mirrored.second.rename(mirrored.second.with_name("unplugged"))
    ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    assert ring.destroy(["b"]) == 1
    state, live = ring.status().mirror, ring.status(live=True).mirror
    assert state is not None
    assert live is not None
    # What it knows of a volume that is gone depends on whether a first copy was made before.
    assert state == replace(live, synced_at=state.synced_at, same_volume=state.same_volume)
    assert not state.in_step
    assert "no mirror" in str(state.error)
    mirrored.second.mkdir(mode=0o700)  # the empty place where the volume was mounted
    ring.rotate()
    assert list(mirrored.second.iterdir()) == []
    mirrored.second.rmdir()
    mirrored.second.with_name("unplugged").rename(mirrored.second)
    ring.rotate()
    _eventually(lambda: mirrored.following.state().in_step)


def test_a_mirror_that_is_open_to_others_is_not_used(mirrored: Mirrored) -> None:
    """The second place is as private as the first."""
    mirrored.second.chmod(0o755)
    with pytest.raises(KeyRingUnavailable, match="not private"):
        mirrored.mirror.sync()
    mirrored.second.chmod(0o700)


def test_a_mirror_that_hangs_costs_one_wait(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume that does not answer delays the first erasure, not every one."""
    gone = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr("gatehouse.keys.mirror._PATIENCE", 0.05)
        patch.setattr(mirrored.following.mirror, "sync", lambda: gone.wait(PATIENCE))
        for number in range(3):
            mirrored.ring.data_key(f"{number}", mirrored.clock.now() + 60)
            assert mirrored.ring.destroy([f"{number}"]) == 1
        state = mirrored.ring.status().mirror  # does not wait for it either
        assert state is not None
        assert (state.in_step, state.error) == (False, "it does not answer")
        gone.set()
    _eventually(lambda: not mirrored.following._stuck)


def test_the_mirror_of_another_ring_is_not_overwritten(
    mirrored: Mirrored, tmp_path: Path, clock: SettableClock
) -> None:
    """Two deployments that name one directory are told; neither copy is lost."""
    KeyRing.initialise(tmp_path / "others", clock).close()
    other = Mirror(mirrored.second, FileShelf(tmp_path / "others" / "ring.db"), clock)
    before = (mirrored.second / "ring.db").read_bytes()
    with pytest.raises(KeyRingDamaged, match="another ring"):
        other.sync()
    with pytest.raises(KeyRingUnavailable):
        other.make()
    assert before == (mirrored.second / "ring.db").read_bytes()


def test_a_ring_that_was_put_back_does_not_drag_its_mirror_along(
    mirrored: Mirrored, tmp_path: Path
) -> None:
    """An old state of the same generation opens; the mirror notices that it is older."""
    ring, clock = mirrored.ring, mirrored.clock
    ring.data_key("a", clock.now() + 60)
    ring.copy_to(tmp_path / "old.db")
    ring.advance("a", clock.now() + 60, 9)
    _eventually(lambda: mirrored.following.state().in_step)
    ring.close()
    for path in mirrored.keys.glob("ring.db*"):
        path.unlink()
    shutil.copy(tmp_path / "old.db", mirrored.keys / "ring.db")
    mirrored.open()
    with pytest.raises(KeyRingDamaged, match="put back"):
        mirrored.following.mirror.sync()
    state = mirrored.ring.status(live=True).mirror
    assert state is not None
    assert "put back" in str(state.error)


def test_a_ring_put_back_under_a_running_process_is_noticed(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """Whoever replaces the ring by an older state while it is used is found out."""
    ring.data_key("a", clock.now() + 60)
    ring.copy_to(tmp_path / "old.db")
    ring.advance("a", clock.now() + 60, 9)
    FileHome(directory).put(tmp_path / "old.db")
    with pytest.raises(KeyRingDamaged, match="older state"):
        ring.find("a")
    KeyRing.open(directory, clock)
