"""Known browsers: the owner does not wait for what strangers guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.clock import SettableClock
from gatehouse.identity import Directory, Person, SignInRefused
from gatehouse.identity.devices import LIFETIME, UNKNOWN, Device, Devices
from gatehouse.identity.sign_in import PER_DEVICE, PER_NAME

from .conftest import KEY, PASSWORD

CLOCK = SettableClock()
DEVICES = Devices(CLOCK, KEY)
TOKEN = DEVICES.issue("erin.walsh", confirmed_with="a" * 32)


def wrong(directory: Directory, device: str = "", source: str = "s") -> str:
    with pytest.raises(SignInRefused) as refused:
        directory.check_password("erin.walsh", "not the password", source=source, device=device)
    return refused.value.reason


def test_a_browser_is_known_again() -> None:
    """It keeps its id and what was confirmed in it, also when the cookie is renewed."""
    device = DEVICES.read(TOKEN, "erin.walsh")
    again = DEVICES.read(DEVICES.issue("erin.walsh", device), "erin.walsh")
    assert (device, "a" * 32) == (again, device.confirmed_with)


@pytest.mark.parametrize("username", ["marco.bell", "erin.walsh ", "", None])
def test_a_cookie_is_good_for_its_name_only(username: str | None) -> None:
    """Whoever has one of their own cannot pass it off as somebody else's."""
    assert UNKNOWN == DEVICES.read(TOKEN, username)


@given(st.text(max_size=150) | st.none() | st.integers())
def test_a_made_up_cookie_is_unknown(token: object) -> None:
    """Whatever a browser sends, nothing is raised and nothing is believed."""
    assert UNKNOWN == DEVICES.read(token, "erin.walsh")


def test_an_edited_cookie_is_unknown() -> None:
    """Neither age, id nor what was confirmed can be changed."""
    issued, nonce, proof, mac = TOKEN.split(".")
    edits = [
        (f"{int(issued, 16) + 1:x}", nonce, proof, mac),
        (issued, "0" * 32, proof, mac),
        (issued, nonce, "b" * 32, mac),
        (issued, nonce, "", mac),
        (issued, nonce, proof, "0" * 64),
    ]
    assert [UNKNOWN] * 5 == [DEVICES.read(".".join(edit), "erin.walsh") for edit in edits]


def test_a_cookie_ages() -> None:
    """After half a year, or under another key, a browser counts as new."""
    later = Devices(SettableClock(CLOCK.now() + LIFETIME), KEY)
    other = Devices(CLOCK, bytes(32))
    assert [UNKNOWN, UNKNOWN] == [one.read(TOKEN, "erin.walsh") for one in (later, other)]


def test_strangers_do_not_delay_a_known_browser(directory: Directory, erin: Person) -> None:
    """While the name is delayed for strangers, the owner signs in at once where she did before."""
    for number in range(PER_NAME.free + 1):
        wrong(directory, source=f"stranger {number}")
    assert "throttled" == wrong(directory, source="another")
    assert erin == directory.check_password("erin.walsh", PASSWORD, source="home", device="d" * 32)


def test_strangers_cannot_lock_a_known_browser(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """Not even by the hundred guesses after which the name is locked for everybody else."""
    assert PER_NAME.lock_at is not None
    for number in range(PER_NAME.lock_at):
        wrong(directory, source=f"stranger {number}")
        clock.advance(PER_NAME.longest)
    assert "locked" == wrong(directory, source="another")
    assert erin == directory.check_password("erin.walsh", PASSWORD, source="home", device="d" * 32)


def test_a_stolen_cookie_gives_few_guesses(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """After twenty wrong passwords a known browser is a stranger again, and is locked with them."""
    assert PER_DEVICE.lock_at is not None and PER_NAME.lock_at is not None
    looked_at = 0
    for _ in range(400):
        looked_at += wrong(directory, device="d" * 32) == "credentials"
        clock.advance(PER_NAME.longest)
    assert PER_DEVICE.lock_at + PER_NAME.lock_at == looked_at


def test_a_device_shows_nothing_of_itself() -> None:
    """It may stand in a log."""
    assert "Device()" == repr(Device("d" * 32, "a" * 32))
