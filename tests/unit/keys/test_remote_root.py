"""A root that is far away: asked seldom, outside the ring's lock, and no root lost or left."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing, KeyRingUnavailable, RootMissing
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.homes import FileHome
from gatehouse.keys.roots import new_handle
from tests.patience import PATIENCE
from tests.unit.keys.remote import RemoteRoot

DAY = 86_400


@pytest.fixture
def remote() -> RemoteRoot:
    return RemoteRoot()


@pytest.fixture
def far(directory: Path, clock: SettableClock, remote: RemoteRoot) -> KeyRing:
    return KeyRing.initialise(directory, clock, lambda _directory: remote)


def _another(directory: Path, clock: SettableClock, remote: RemoteRoot) -> KeyRing:
    return KeyRing.open(directory, clock, lambda _directory: remote)


def test_turns_do_not_need_the_root(far: KeyRing, remote: RemoteRoot, clock: SettableClock) -> None:
    """New keys, longer lives, another day: none of it asks the root, so a turn goes on without."""
    remote.away = True
    for number in range(50):
        far.data_key(f"{number}", clock.now() + 60)
        far.advance(f"{number}", clock.now() + 3 * DAY, number)
    far.service_key("new")
    far.hold("7", "held")
    far.kept_key("somebody")
    assert far.lookup("7") is not None


def test_another_process_asks_once_per_generation(
    far: KeyRing, directory: Path, remote: RemoteRoot, clock: SettableClock
) -> None:
    """Changes by another process are read without the root while the generation stays."""
    other = _another(directory, clock, remote)
    remote.calls.clear()
    for number in range(20):
        far.data_key(f"{number}", clock.now() + DAY * number + 60)
        assert other.find(f"{number}") is not None
    assert remote.calls == []
    far.rotate()
    assert other.find("7") is not None
    assert remote.calls.count("unwrap") == 1


def test_a_root_that_is_away_stops_an_erasure_and_loses_nothing(
    far: KeyRing, remote: RemoteRoot, clock: SettableClock
) -> None:
    """The erasure is refused, said in the status, and done when the root is back."""
    key = far.data_key("a", clock.now() + 60)
    remote.away = True
    with pytest.raises(KeyRingUnavailable):
        far.destroy(["a"])
    assert far.find("a") == (key, clock.now() + 60)
    assert far.status().root_error == "the key service does not answer"
    remote.away = False
    assert far.destroy(["a"]) == 1
    assert far.status().root_error is None
    assert len(remote.keys) == 1


@pytest.mark.parametrize("verb", ["create", "wrap", "destroy", "handles"])
def test_a_call_that_fails_leaves_no_root_behind_in_the_end(
    far: KeyRing, remote: RemoteRoot, clock: SettableClock, verb: str
) -> None:
    """Whichever call times out after it was carried out, the next rotation cleans up."""
    far.data_key("a", clock.now() + 60)

    def fail(called: str) -> None:
        if called == verb:
            if verb == "create":
                remote.keys[new_handle(far._keeper._known.ring)] = bytes(32)
            raise KeyRingUnavailable("timed out")

    far._keeper._list_roots = True
    remote.before = fail
    with pytest.raises(KeyRingUnavailable):
        far.destroy(["a"])
    remote.before = lambda _verb: None
    far.destroy(["a"])
    assert far.find("a") is None
    clock.advance(3600)
    far._keeper._list_roots = True
    far.rotate()
    assert len(remote.keys) == 1


def test_the_root_is_asked_outside_the_lock(
    far: KeyRing, directory: Path, remote: RemoteRoot, clock: SettableClock
) -> None:
    """While a key service takes its time over an erasure, other processes go on writing."""
    other = _another(directory, clock, remote)
    far.data_key("a", clock.now() + 60)
    asked, go_on = threading.Event(), threading.Event()

    def slow(verb: str) -> None:
        if verb in ("create", "wrap", "destroy"):
            asked.set()
            assert go_on.wait(PATIENCE)

    remote.before = slow
    erasing = threading.Thread(target=far.destroy, args=(["a"],))
    erasing.start()
    assert asked.wait(PATIENCE)
    key = other.data_key("b", clock.now() + 60)  # would wait for the lock
    go_on.set()
    erasing.join()
    assert other.find("a") is None
    assert far.find("b") == (key, clock.now() + 60)


def test_a_root_that_ends_while_it_is_asked_is_looked_for_anew(
    far: KeyRing, directory: Path, remote: RemoteRoot, clock: SettableClock
) -> None:
    """Another process removes a key between a look at the ring and the question to the key service."""
    other = _another(directory, clock, remote)
    key = far.data_key("a", clock.now() + 60)
    far.rotate()
    asked: list[str] = []

    def moved_on(verb: str) -> None:
        if verb == "unwrap" and not asked:
            asked.append(verb)
            far.rotate()

    remote.before = moved_on
    assert other.find("a") == (key, clock.now() + 60)
    assert ["unwrap"] == asked
    remote.keys.clear()
    far.close()
    with pytest.raises(RootMissing):
        _another(directory, clock, remote).find("a")


def test_nobody_ends_a_root_that_is_about_to_be_used(
    far: KeyRing, directory: Path, remote: RemoteRoot, clock: SettableClock
) -> None:
    """A second process that cleans up between making and using a root leaves it alone."""
    other = _another(directory, clock, remote)
    key = far.data_key("keep", clock.now() + 60)

    def clean(verb: str) -> None:
        if verb == "wrap":
            remote.before = lambda _verb: None
            other._keeper._list_roots = True
            other._keeper.end_old_roots()

    remote.before = clean
    far.rotate()
    assert far.find("keep") == (key, clock.now() + 60)
    assert other.find("keep") == (key, clock.now() + 60)
    assert len(remote.keys) == 1


def test_a_root_announced_too_long_ago_is_not_used(
    far: KeyRing, directory: Path, remote: RemoteRoot, clock: SettableClock
) -> None:
    """What was given up as left behind is made anew, never used after all."""
    other = _another(directory, clock, remote)
    key = far.data_key("keep", clock.now() + 60 * DAY)

    def sleep(verb: str) -> None:
        if verb == "wrap":
            remote.before = lambda _verb: None
            clock.advance(3600)
            other._keeper._list_roots = True
            other._keeper.end_old_roots()

    remote.before = sleep
    with pytest.raises(RootMissing):
        far.rotate()
    far.rotate()
    assert far.lookup("keep").key == key  # type: ignore[union-attr]
    assert len(remote.keys) == 1


def test_deployments_that_share_a_service_leave_each_other_alone(
    far: KeyRing, remote: RemoteRoot, clock: SettableClock, tmp_path: Path
) -> None:
    """Only roots that carry the ring's own id are ever ended."""
    FileHome(tmp_path / "second").make(_Apart(remote), clock.now())
    second = _another(tmp_path / "second", clock, remote)
    for ring in (far, second, far, second):
        ring.rotate()
        ring._keeper._list_roots = True
        ring.settle()
    assert len(remote.keys) == 2
    assert far.check().roots_left == second.check().roots_left == 0


class _Apart(RemoteRoot):
    """The same roots, but none of them is seen; a new deployment has a namespace of its own."""

    def __init__(self, shared: RemoteRoot) -> None:
        super().__init__()
        self.keys = shared.keys

    def handles(self) -> frozenset[str]:
        return frozenset()


def test_irreversible_at_adds_what_backups_keep(
    directory: Path, clock: SettableClock, remote: RemoteRoot
) -> None:
    """The service's delay and the life of backups of the service count together."""
    KeyRing.initialise(directory, clock, lambda _directory: remote).close()
    ring = KeyRing(FileShelf(directory / "ring.db"), remote, clock, root_copies_kept=100.0)
    assert ring.irreversible_at(1000.0) == 1000.0 + 7 * DAY + 100.0


def test_scheduled_expiry_waits_for_its_pause(
    directory: Path, clock: SettableClock, remote: RemoteRoot
) -> None:
    """Roots change at most once per pause for expiry; expired keys are not handed out meanwhile."""
    KeyRing.initialise(directory, clock, lambda _directory: remote).close()
    ring = KeyRing(FileShelf(directory / "ring.db"), remote, clock, expiry_every=3600)
    ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    clock.advance(61)
    assert ring.drop_expired() == 0
    assert ring.find("a") is None
    before = ring.generation
    assert ring.destroy(["b"]) == 1  # a removal on request does not wait
    assert ring.generation == before + 1
    clock.advance(3600)
    assert ring.drop_expired() == 0  # that removal took the expired one along, or it might starve
    assert ring.find_any("a") is None
