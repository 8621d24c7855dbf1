"""What every adapter must do: one behaviour, four places, and the ring on top of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.keys import (
    EnvelopeError,
    KeyRing,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
    make_ring,
    open_ring,
)
from gatehouse.keys.restoring import move_root
from gatehouse.keys.roots import Root, new_handle
from gatehouse.settings import Settings, load_settings
from tests.unit.keys.places import Place, place_of

RING = "0123456789abcdef" * 2
KINDS = ["file", "pkcs11", "aws-kms", "vault"]


@pytest.fixture(params=KINDS)
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    with place_of(request.param, tmp_path, monkeypatch) as place:
        yield place


@pytest.fixture
def root(place: Place) -> Root:
    return place.root()


def _made(root: Root) -> str:
    handle = new_handle(RING)
    root.create(handle)
    return handle


def test_unwraps_what_it_wrapped_and_nothing_else(root: Root) -> None:
    """Bound to its generation, its place and every byte."""
    one, two = _made(root), _made(root)
    wrapped = root.wrap(one, b"\0 secret \xff", b"place")
    assert root.unwrap(one, wrapped, b"place") == b"\0 secret \xff"
    assert root.wrap(one, b"\0 secret \xff", b"place") != wrapped
    for handle, sealed, place in (
        (one, wrapped, b"elsewhere"),
        (two, wrapped, b"place"),
        (one, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"place"),
        (one, wrapped[:10], b"place"),
        (one, b"", b"place"),
    ):
        with pytest.raises(EnvelopeError):
            root.unwrap(handle, sealed, place)


def test_destroyed_is_gone_and_the_others_stay(root: Root) -> None:
    """After destruction nothing opens; destroying again is no error; nobody makes it again."""
    one, two = _made(root), _made(root)
    wrapped, other = root.wrap(one, b"secret", b"place"), root.wrap(two, b"other", b"place")
    root.destroy(one)
    root.destroy(one)
    assert root.handles() == {two}
    with pytest.raises(RootMissing):
        root.unwrap(one, wrapped, b"place")
    with pytest.raises(RootMissing):
        root.wrap(one, b"secret", b"place")
    assert root.handles() == {two}
    assert root.unwrap(two, other, b"place") == b"other"


def test_another_process_uses_the_same_roots(place: Place, root: Root) -> None:
    """What one process made, another opened later finds, opens and destroys."""
    handle = _made(root)
    wrapped = root.wrap(handle, b"secret", b"place")
    kept = _made(root)
    other = place.root()
    assert other.handles() == {handle, kept}
    assert other.unwrap(handle, wrapped, b"place") == b"secret"
    other.destroy(handle)
    assert root.handles() == {kept}
    with pytest.raises(RootMissing):
        root.unwrap(handle, wrapped, b"place")


def test_irreversible_at_is_never_before_the_destruction(root: Root) -> None:
    """Nobody promises more than the place keeps."""
    delay = 7 * 86_400 if root.kind == "aws-kms" else 0
    assert root.irreversible_at(1000.0) == 1000.0 + delay


def test_a_place_that_is_away_is_never_taken_for_a_destruction(place: Place, root: Root) -> None:
    """While it is away nothing is said to be missing, destroyed or altered; it comes back."""
    handle, other = _made(root), _made(root)
    wrapped = root.wrap(handle, b"secret", b"place")
    place.go_away()
    for work in (
        lambda: root.create(new_handle(RING)),
        lambda: root.wrap(handle, b"secret", b"place"),
        lambda: root.unwrap(handle, wrapped, b"place"),
        lambda: root.destroy(handle),
        lambda: place.root().unwrap(handle, wrapped, b"place"),
    ):
        with pytest.raises(GatehouseError) as caught:
            work()
        if root.kind == "file":  # a file root cannot tell an absent directory from a lost file
            assert isinstance(caught.value, KeyRingUnavailable | RootMissing)
        else:
            assert isinstance(caught.value, KeyRingUnavailable)
    place.come_back()
    assert root.handles() == {handle, other}
    assert root.unwrap(handle, wrapped, b"place") == b"secret"


def _settings(place: Place) -> Settings:
    return load_settings(place.home, place.environment)


def test_a_ring_lives_on_it(place: Place, clock: SettableClock) -> None:
    """Made, used, rotated, erased from and opened again; old copies end; one root is left."""
    settings = _settings(place)
    make_ring(settings, clock)
    ring = open_ring(settings, clock)
    key = ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    ring.copy_to(place.home / "old.db")
    ring.rotate()
    assert ring.destroy(["b"]) == 1
    assert ring.status().root == settings.keys.root
    assert ring.check().roots_left == 0
    ring.close()
    ring = open_ring(settings, clock)
    assert ring.find("a") == (key, clock.now() + 60)
    assert ring.generation == 3
    assert len(place.root().handles()) == 1
    with (
        pytest.raises(RootMissing),
        KeyRing.open_copy(
            place.home / "old.db", place.home / "var" / "keys", clock, lambda _path: place.root()
        ),
    ):
        pass
    ring.close()


def test_away_at_the_start_and_in_the_middle(place: Place, clock: SettableClock) -> None:
    """At the start one clear error; in the middle turns go on and an erasure waits."""
    settings = _settings(place)
    make_ring(settings, clock)
    ring = open_ring(settings, clock)
    key = ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    if settings.keys.root != "file":  # its place is the ring's own directory
        place.go_away()
        assert ring.find("a") == (key, clock.now() + 60)
        ring.data_key("c", clock.now() + 5 * 86_400)
        ring.advance("a", clock.now() + 2 * 86_400, 3)
        with pytest.raises(KeyRingUnavailable):
            ring.destroy(["b"])
        assert ring.find("b") is not None
        assert ring.status().root_error is not None
        with pytest.raises(KeyRingUnavailable) as caught:
            open_ring(settings, clock)
        assert caught.value.exit_code == 6
        assert caught.value.hints
        place.come_back()
    assert ring.destroy(["b"]) == 1
    assert ring.find("b") is None
    assert ring.status().root_error is None
    ring.close()
    assert open_ring(settings, clock).find("a") is not None


def test_a_lost_ring_is_not_made_anew_beside_its_root(place: Place, clock: SettableClock) -> None:
    """With a root there, `init` refuses to start over, wherever the root is."""
    settings = _settings(place)
    make_ring(settings, clock)
    for path in (place.home / "var" / "keys").glob("ring.db*"):
        path.rename(place.home / path.name)
    with pytest.raises(KeyRingDamaged, match="missing"):
        make_ring(settings, clock)
    with pytest.raises((KeyRingDamaged, KeyRingNotReady)):
        open_ring(settings, clock)
    assert len(place.root().handles()) == 1


def test_a_ring_moves_to_another_root(place: Place, clock: SettableClock) -> None:
    """From files to any other place: every key stays, the old root is gone, and nothing goes back."""
    if place.root().kind == "file":
        with pytest.raises(InvalidInput, match="already"):
            move_root(_settings(place), clock, "file")
        return
    before = load_settings(place.home, {})
    make_ring(before, clock)
    ring = open_ring(before, clock)
    key = ring.data_key("a", clock.now() + 60)
    ring.close()
    with pytest.raises((RootMissing, KeyRingUnavailable)):
        open_ring(_settings(place), clock)
    assert move_root(_settings(place), clock, "file") == 2
    assert list((place.home / "var" / "keys").glob("root-*.key")) == []
    ring = open_ring(_settings(place), clock)
    assert ring.find("a") == (key, clock.now() + 60)
    assert ring.check().roots_left == 0
    ring.close()
    with pytest.raises(RootMissing):
        open_ring(before, clock)
    with pytest.raises((RootMissing, KeyRingUnavailable)):
        move_root(_settings(place), clock, "file")
