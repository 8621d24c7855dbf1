"""Legal holds, kept keys, and old copies of the ring opened for a proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.keys import Entry, KeyRing, KeyRingDamaged, RootMissing, UnknownKey

DAY = 86_400


def test_a_held_key_outlives_erasure_and_expiry_and_nobody_else_finds_it(
    ring: KeyRing, clock: SettableClock
) -> None:
    """A hold keeps the key; ordinary look-ups go on as if there were none."""
    keys = {name: ring.data_key(name, clock.now() + 60) for name in ("erased", "expired")}
    for name in keys:
        ring.hold(name, f"held {name}")
    ring.destroy(["erased"])
    assert ring.find("erased") is None
    clock.advance(3 * DAY)
    ring.drop_expired()
    assert ring.find("expired") is None
    assert ring.tag_keys() == {}
    held = {name: ring.held(f"held {name}") for name in keys}
    assert keys == {name: entry.key for name, entry in held.items() if entry}
    assert ring.held("erased") is None


def test_a_released_key_is_gone_from_every_old_copy(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """Release is an erasure: a new root generation, and old copies stop opening."""
    ring.data_key("a", clock.now() + 60)
    ring.hold("a", "h")
    ring.copy_to(tmp_path / "old.db")
    assert ring.release(["h", "unknown"]) == 1
    assert ring.held("h") is None
    assert ring.find("a") is not None
    with pytest.raises(RootMissing), KeyRing.open_copy(tmp_path / "old.db", directory, clock):
        pass


def test_a_hold_follows_its_conversation(ring: KeyRing, clock: SettableClock) -> None:
    """Position and expiry of a held copy move on while the conversation does."""
    key = ring.data_key("a", clock.now() + 60)
    ring.advance("a", clock.now() + 60, 1, held_as="h")
    assert ring.held("h") is None
    ring.hold("a", "h")
    ring.advance("a", clock.now() + 90, 5, held_as="h")
    assert ring.held("h") == Entry(key, clock.now() + 90, 5)


def test_what_is_not_alive_cannot_be_held(ring: KeyRing, clock: SettableClock) -> None:
    """Neither an unknown nor an expired key, and never two keys under one name."""
    ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    ring.hold("a", "h")
    ring.hold("a", "h")
    with pytest.raises(InvalidInput):
        ring.hold("b", "h")
    clock.advance(60)
    for name in ("a", "nobody"):
        with pytest.raises(UnknownKey):
            ring.hold(name, "other")


def test_holds_survive_rotation_and_restart(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """A hold is as lasting as the ring."""
    key = ring.data_key("a", clock.now() + 60)
    ring.hold("a", "h")
    ring.rotate()
    ring.close()
    held = KeyRing.open(directory, clock).held("h")
    assert held is not None
    assert held.key == key


def test_kept_keys_have_no_expiry_but_an_end(ring: KeyRing, clock: SettableClock) -> None:
    """A kept key is one per name until it is destroyed, and another one afterwards."""
    assert ring.find_kept("p") is None
    key = ring.kept_key("p")
    assert ring.kept_key("p") == key
    clock.advance(4000 * DAY)
    assert ring.drop_expired() == 0
    assert ring.find_kept("p") == key
    assert ring.find("p") is None
    before = ring.generation
    ring.data_key("p", clock.now() + 60)
    assert ring.destroy(["p"]) == 2
    assert ring.generation == before + 1
    assert ring.find_kept("p") is None
    assert ring.kept_key("p") != key


def test_an_old_copy_is_opened_without_touching_it(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """A proof reads a copy, expired keys too, and changes neither the copy nor a root."""
    key = ring.data_key("a", clock.now() + 60)
    ring.copy_to(tmp_path / "old.db")
    before = (tmp_path / "old.db").read_bytes()
    ring.data_key("b", clock.now() + 60)
    clock.advance(60)
    with KeyRing.open_copy(tmp_path / "old.db", directory, clock) as old:
        assert old.find("a") is None
        found = old.find_any("a")
        assert found is not None
        assert found.key == key
        assert old.find_any("b") is None
    assert (tmp_path / "old.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name != "keys"] == ["old.db"]
    assert ring.find_any("b") is not None


def test_a_copy_that_is_no_ring_is_refused(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """Garbage is damage, not a crash."""
    (tmp_path / "old.db").write_bytes(b"garbage " * 1000)
    with (
        pytest.raises(KeyRingDamaged),
        KeyRing.open_copy(tmp_path / "old.db", directory, clock),
    ):
        pass
