"""The key ring: keys by name, their expiry, and service keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.keys import KeyRing, UnknownKey

DAY = 86_400


def test_data_key_is_made_once(ring: KeyRing, clock: SettableClock) -> None:
    """The same name has the same key, another name another."""
    expiry = clock.now() + 60
    key = ring.data_key("a", expiry)
    assert len(key) == 32
    assert ring.data_key("a", expiry) == key
    assert ring.data_key("b", expiry) != key
    assert ring.find("a") == (key, expiry)
    assert ring.find("nobody") is None


def test_expired_to_the_second(ring: KeyRing, clock: SettableClock) -> None:
    """A key is found until its expiry and not at it, though nothing was purged."""
    ring.data_key("a", clock.now() + 60)
    clock.advance(59.999)
    assert ring.find("a") is not None
    clock.advance(0.001)
    assert ring.find("a") is None


def test_an_expired_name_gets_another_key(ring: KeyRing, clock: SettableClock) -> None:
    """Expiry is final: the name may be used again, the old key never."""
    key = ring.data_key("a", clock.now() + 60)
    ring.advance("a", clock.now() + 60, 5)
    clock.advance(60)
    assert ring.data_key("a", clock.now() + 60) != key
    assert ring.lookup("a").position == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("seconds", [30, 600, DAY, 30 * DAY])
def test_extend_moves_the_expiry(ring: KeyRing, clock: SettableClock, seconds: int) -> None:
    """A key keeps its value when its expiry moves, also to another day and back."""
    key = ring.data_key("a", clock.now() + 60)
    ring.extend("a", clock.now() + seconds)
    assert ring.find("a") == (key, clock.now() + seconds)
    ring.extend("a", clock.now() + 60)
    assert ring.find("a") == (key, clock.now() + 60)


def test_extend_does_not_revive(ring: KeyRing, clock: SettableClock) -> None:
    """What is unknown, destroyed or expired cannot be extended."""
    ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    ring.destroy(["a"])
    clock.advance(60)
    for name in ("a", "b", "nobody"):
        with pytest.raises(UnknownKey):
            ring.extend(name, clock.now() + 60)


def test_expiry_in_the_past_is_refused(ring: KeyRing, clock: SettableClock) -> None:
    """A key cannot be born dead."""
    with pytest.raises(InvalidInput):
        ring.data_key("a", clock.now())


def test_positions_only_grow(ring: KeyRing, clock: SettableClock) -> None:
    """The recorded position never goes back."""
    expiry = clock.now() + 60
    ring.data_key("a", expiry)
    ring.advance("a", expiry, 5)
    ring.advance("a", expiry, 3)
    ring.extend("a", expiry + 1)
    assert ring.lookup("a").position == 5  # type: ignore[union-attr]


def test_service_keys_stay(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """A service key is one per purpose and the same after rotation and restart."""
    audit, sessions = ring.service_key("audit"), ring.service_key("sessions")
    assert audit != sessions
    ring.rotate()
    assert ring.service_key("audit") == audit
    ring.close()
    assert KeyRing.open(directory, clock).service_key("audit") == audit


def test_keys_survive_restart_and_rotation(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """Rotation changes the root and no data key."""
    expiry = clock.now() + 60
    keys = {name: ring.data_key(name, expiry) for name in map(str, range(300))}
    before = ring.generation
    assert ring.rotate() == before + 1
    ring.close()
    again = KeyRing.open(directory, clock)
    assert {name: again.data_key(name, expiry) for name in keys} == keys


def test_destroy_counts_what_there_was(ring: KeyRing, clock: SettableClock) -> None:
    """Unknown names are no error; destroying nothing makes no new generation."""
    ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    before = ring.generation
    assert ring.destroy(["nobody"]) == 0
    assert ring.generation == before
    assert ring.destroy(["a", "a", "nobody"]) == 1
    assert ring.generation == before + 1
    assert ring.find("a") is None
    assert ring.find("b") is not None


def test_drop_expired_takes_single_keys_and_whole_days(ring: KeyRing, clock: SettableClock) -> None:
    """Only the dead go: one by one within a day, all at once when the day is over."""
    start = clock.now()
    for number in range(20):
        ring.data_key(f"soon {number}", start + 60 + number)
    ring.data_key("next week", start + 7 * DAY)
    assert ring.drop_expired() == 0
    clock.advance(69)
    assert ring.drop_expired() == 10
    assert [n for n in range(20) if ring.find(f"soon {n}")] == list(range(10, 20))
    clock.advance(2 * DAY)
    assert ring.drop_expired() == 10
    assert ring.find("next week") is not None
    assert len(ring.tag_keys()) == 1


def test_tag_keys_die_with_their_day(ring: KeyRing, clock: SettableClock) -> None:
    """There is one tag key per expiry day, and none once the day was dropped."""
    key = ring.tag_key(clock.now() + 60)
    assert ring.tag_key(clock.now() + 61) == key
    assert ring.tag_key(clock.now() + 3 * DAY) != key
    clock.advance(2 * DAY)
    ring.drop_expired()
    assert key not in ring.tag_keys().values()


def test_a_moved_key_leaves_no_entry_behind(ring: KeyRing, clock: SettableClock) -> None:
    """A key that moved to a later day is destroyed there, wherever it was before."""
    ring.data_key("a", clock.now() + 60)
    ring.extend("a", clock.now() + 2 * DAY)
    ring.extend("a", clock.now() + 4 * DAY)
    assert ring.destroy(["a"]) == 1
    assert ring.find("a") is None
