"""Back-off: counted first, doubled, kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.identity import CHEAPEST, Directory, Person, SignInRefused
from gatehouse.identity.schema import sign_in_throttle
from gatehouse.identity.sign_in import PER_NAME, PER_SOURCE, spoken_wait
from gatehouse.identity.throttle import Backoff, Throttle

from .conftest import PASSWORD

BACKOFF = Backoff(free=2, base=1.0, longest=60.0, lock_at=12)


def admit(engine: Engine, throttle: Throttle, key: str = "k") -> tuple[bool, float, bool]:
    with engine.begin() as connection:
        standing = throttle.admit(connection, key)
    return standing.open, standing.wait, standing.locked


@pytest.fixture
def throttle(clock: SettableClock) -> Throttle:
    return Throttle(sign_in_throttle, BACKOFF, clock)


def wrong(directory: Directory, name: str = "erin.walsh", source: str = "a") -> SignInRefused:
    with pytest.raises(SignInRefused) as refused:
        directory.check_password(name, "not the password at all", source=source)
    return refused.value


def test_delays_double_up_to_the_longest() -> None:
    """Free failures cost nothing, then 1, 2, 4 … seconds, never more than the longest."""
    delays = [BACKOFF.delay(failures) for failures in range(11)]
    assert [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60] == delays


@given(st.integers(min_value=0, max_value=10**9))
def test_a_delay_is_always_finite(failures: int) -> None:
    """However many failures there were, the delay can be computed and is within bounds."""
    assert 0.0 <= BACKOFF.delay(failures) <= BACKOFF.longest


def test_an_attempt_is_counted_before_it_is_verified(engine: Engine, throttle: Throttle) -> None:
    """Admission alone uses the attempt up; nothing has to be reported for it to count."""
    outcomes = [admit(engine, throttle) for _ in range(4)]
    assert [(True, 0.0, False)] * 3 + [(False, 1.0, False)] == outcomes


def test_refused_attempts_do_not_prolong_the_wait(
    engine: Engine, clock: SettableClock, throttle: Throttle
) -> None:
    """Hammering during the wait leaves its end where it was."""
    for _ in range(3):
        admit(engine, throttle)
    clock.advance(0.5)
    for _ in range(20):
        admit(engine, throttle)
    clock.advance(0.5)
    assert (True, 0.0, False) == admit(engine, throttle)


def test_the_counter_locks_and_time_does_not_open_it(
    engine: Engine, clock: SettableClock, throttle: Throttle
) -> None:
    """At the configured count every further attempt is refused, also a year later."""
    admitted = 0
    for _ in range(50):
        admitted += admit(engine, throttle)[0]
        clock.advance(61)
    clock.advance(365 * 86400)
    assert (12, (False, 0.0, True)) == (admitted, admit(engine, throttle))


def test_clearing_opens_a_lock(engine: Engine, clock: SettableClock, throttle: Throttle) -> None:
    """Somebody with the right to do so can lift a lock."""
    for _ in range(12):
        admit(engine, throttle)
        clock.advance(61)
    with engine.begin() as connection:
        throttle.clear(connection, "k")
    assert (True, 0.0, False) == admit(engine, throttle)


def test_a_restart_forgives_nothing(
    engine: Engine, clock: SettableClock, throttle: Throttle
) -> None:
    """A new process over the same table goes on where the old one stopped."""
    for _ in range(3):
        admit(engine, throttle)
    assert (False, 1.0, False) == admit(engine, Throttle(sign_in_throttle, BACKOFF, clock))


def test_a_clock_that_goes_back_neither_frees_nor_locks_out(
    engine: Engine, clock: SettableClock, throttle: Throttle
) -> None:
    """The wait starts anew at its own length instead of lasting as long as the jump."""
    for _ in range(3):
        admit(engine, throttle)
    clock.advance(-86400)
    assert (False, 1.0, False) == admit(engine, throttle)
    clock.advance(1.0)
    assert (True, 0.0, False) == admit(engine, throttle)


def test_simultaneous_attempts_are_counted_one_by_one(
    any_engine: Engine, clock: SettableClock, throttle: Throttle
) -> None:
    """Of 30 attempts at one instant only as many go on as would have one after the other."""
    with ThreadPoolExecutor(15) as pool:
        outcomes = list(pool.map(lambda _: admit(any_engine, throttle)[0], range(30)))
    assert BACKOFF.free + 1 == sum(outcomes)


def test_wrong_passwords_slow_a_name_down(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """After the free mistakes even the right password has to wait, and then works."""
    for number in range(PER_NAME.free + 1):
        assert "credentials" == wrong(directory, source=str(number)).reason
    with pytest.raises(SignInRefused) as refused:
        directory.check_password("erin.walsh", PASSWORD, source="z")
    assert ("throttled", 1.0) == (refused.value.reason, refused.value.retry_after)
    assert "Wait 1 second," in refused.value.message
    clock.advance(1.0)
    assert erin == directory.check_password("erin.walsh", PASSWORD, source="z")


def test_names_that_nobody_has_are_slowed_down_alike(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """The sequence of answers for a name does not tell whether it exists."""

    def answers(name: str) -> list[tuple[str, float, str]]:
        found = []
        for number in range(PER_NAME.free + 4):
            refusal = wrong(directory, name, f"{name}{number}")
            found.append((refusal.reason, refusal.retry_after, refusal.message))
        return found

    assert answers("erin.walsh") == answers("nobody.here")


def test_a_name_is_locked_after_a_hundred_failures(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """NIST SP 800-63B-4 section 3.2.2: at most 100 in a row; a new password lifts it."""
    assert PER_NAME.lock_at is not None and PER_NAME.lock_at <= 100
    for number in range(PER_NAME.lock_at):
        assert "credentials" == wrong(directory, source=str(number)).reason
        clock.advance(PER_NAME.longest)
    assert "locked" == wrong(directory, source="z").reason
    directory.set_password(erin.id, "a kettle beside nine windows")
    assert erin == directory.check_password("erin.walsh", "a kettle beside nine windows")


def test_a_source_that_guesses_many_names_is_slowed_down(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """Spraying one password over many names is stopped by the source, for that source only."""
    for number in range(PER_SOURCE.free + 1):
        assert "credentials" == wrong(directory, f"name{number}", "sprayer").reason
    assert "throttled" == wrong(directory, "erin.walsh", "sprayer").reason
    assert erin == directory.check_password("erin.walsh", PASSWORD, source="office")


def test_one_good_account_does_not_pay_for_guessing(
    directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """Signing in between guesses does not reset the counter of the source."""
    for number in range(PER_SOURCE.free):
        wrong(directory, f"name{number}", "sprayer")
        directory.check_password("erin.walsh", PASSWORD, source="sprayer")
    wrong(directory, "nameX", "sprayer")
    assert "throttled" == wrong(directory, "nameY", "sprayer").reason


def test_a_quiet_hour_clears_a_source(directory: Directory, clock: SettableClock) -> None:
    """A shared address is not punished for yesterday."""
    for number in range(PER_SOURCE.free + 5):
        wrong(directory, f"name{number}", "office")
    assert PER_SOURCE.forget_after is not None
    clock.advance(PER_SOURCE.forget_after + 1)
    assert "credentials" == wrong(directory, "nameZ", "office").reason


def test_pruning_keeps_the_failures_of_people(
    engine: Engine, directory: Directory, clock: SettableClock, erin: Person
) -> None:
    """Old counters of names that nobody has go; those of people stay."""
    wrong(directory, "nobody.here", "a")
    wrong(directory, "erin.walsh", "a")
    clock.advance(86401)
    assert 2 == directory.prune()
    with engine.connect() as connection:
        rows = connection.execute(sa.select(sign_in_throttle.c.failures)).scalars().all()
    assert [1] == rows


def test_another_key_hides_the_counted_names(
    engine: Engine, clock: SettableClock, directory: Directory, erin: Person
) -> None:
    """Throttle keys are keyed hashes: another key gives other rows for the same name."""
    wrong(directory, source="a")
    wrong(Directory(engine, clock, CHEAPEST, key=bytes(32)), source="a")
    with engine.connect() as connection:
        keys = connection.execute(sa.select(sign_in_throttle.c.key)).scalars().all()
    assert (4, False) == (len(set(keys)), any("erin" in key for key in keys))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (7.1, "8 seconds"), (59, "59 seconds"), (61, "2 minutes")],
)
def test_waits_are_said_as_people_say_them(seconds: float, words: str) -> None:
    """Waits are rounded up, so that whoever waits as told is let through."""
    assert words == spoken_wait(seconds)
