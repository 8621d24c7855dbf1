"""Signing keys change by themselves, and an old one dies when its work is dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.identity import AssertionRefused, Issuer, RotatingKeys, Verifier
from gatehouse.identity.rotating import REMEMBERED
from gatehouse.keys import KeyRing

DAY = 86400.0
OVERLAP = 70.0
START = 20_000 * DAY + 100.0


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
def ring(tmp_path: Path, clock: SettableClock) -> Iterator[KeyRing]:
    opened = KeyRing.initialise(tmp_path / "keys", clock)
    yield opened
    opened.close()


def keys_of(ring: KeyRing, clock: SettableClock) -> RotatingKeys:
    return RotatingKeys(ring, clock, "assertion signing", DAY, OVERLAP)


def token_at(ring: KeyRing, clock: SettableClock) -> str:
    return Issuer(keys_of(ring, clock), clock).issue(
        person_id="p-1",
        roles=["employee"],
        session_id="s",
        session_started_at=clock.now(),
        conversation_id="c",
        message_id="m",
        text="words",
        channel="web",
    )


def test_one_key_signs_for_a_period(ring: KeyRing, clock: SettableClock) -> None:
    """Every process finds the same key in the ring, and the next period another."""
    first = keys_of(ring, clock).newest()
    clock.advance(20_001 * DAY - 1 - clock.now())
    assert first == keys_of(ring, clock).newest()
    clock.advance(1)
    assert first.id != keys_of(ring, clock).newest().id


def test_what_the_old_key_signed_is_good_after_the_change(
    ring: KeyRing, clock: SettableClock
) -> None:
    """An assertion made in the last second of a period lives its whole minute."""
    clock.advance(20_001 * DAY - 1 - clock.now())
    token = token_at(ring, clock)
    clock.advance(59)
    Verifier(keys_of(ring, clock), clock).verify(token, "c", "words")


def test_the_old_key_is_destroyed_when_its_work_is_dead(
    ring: KeyRing, clock: SettableClock
) -> None:
    """After the overlap nothing finds it, and the purge takes it out of the ring for good."""
    keys = keys_of(ring, clock)
    old = keys.newest()
    clock.advance(20_001 * DAY + OVERLAP - 1 - clock.now())
    assert old.secret == keys.find(old.id)
    clock.advance(1)
    assert (None, None) == (keys.find(old.id), keys_of(ring, clock).find(old.id))
    assert 1 == ring.drop_expired()


def test_verifying_makes_no_key(ring: KeyRing, clock: SettableClock) -> None:
    """Whatever key a token names, looking for it writes nothing."""
    keys = keys_of(ring, clock)
    names = ["20000-" + "0" * 16, "20001-" + "0" * 16, "19999-x", "", "x-" + "0" * 16, "9" * 4000]
    assert [None] * 6 == [keys.find(name) for name in names]
    assert {} == ring.tag_keys()


def test_a_renewed_key_takes_what_it_signed_with_it(ring: KeyRing, clock: SettableClock) -> None:
    """After a key became known to somebody, its signatures end at once, elsewhere within half a
    minute, and the next signature has a new key."""
    here, elsewhere = keys_of(ring, clock), keys_of(ring, clock)
    token = token_at(ring, clock)
    Verifier(elsewhere, clock).verify(token, "c", "words")
    here.renew()
    with pytest.raises(AssertionRefused) as refused:
        Verifier(here, clock).verify(token, "c", "words")
    assert "unknown_key" == refused.value.reason
    clock.advance(REMEMBERED)
    with pytest.raises(AssertionRefused):
        Verifier(elsewhere, clock).verify(token, "c", "words")
    Verifier(elsewhere, clock).verify(token_at(ring, clock), "c", "words")


def test_a_clock_that_jumps_finds_its_keys_again(ring: KeyRing, clock: SettableClock) -> None:
    """A year ahead and back: the present key still verifies what it signed."""
    keys = keys_of(ring, clock)
    token = token_at(ring, clock)
    clock.advance(365 * DAY)
    assert keys.newest()
    clock.advance(START + 10 - clock.now())
    Verifier(keys, clock).verify(token, "c", "words")
