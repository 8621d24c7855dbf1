"""A year of guessing and a year of mistyping, in simulated time, through the real throttle."""

from __future__ import annotations

import random
from collections import Counter as Count
from collections.abc import Iterable, Iterator
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.stepup import ChallengeRefused
from gatehouse.stepup import totp as totp_module
from gatehouse.stepup.schema import code_throttle, metadata, wrong_codes
from gatehouse.stepup.slips import LATE_STEPS, is_slip
from gatehouse.stepup.throttle import (
    IN_A_ROW,
    PER_YEAR,
    PER_YEAR_KNOWN,
    PER_YEAR_STRANGERS,
    CodeThrottle,
    Counter,
    success_probability,
)

from .conftest import PERSON, SEED, Desk

DAY = 86400.0
YEAR = 365 * DAY
ACCOUNT = "a" * 32


class Simulation:
    """One account and its throttle; whoever tries waits exactly as long as told."""

    def __init__(self, engine: Engine, clock: SettableClock) -> None:
        self.engine = engine
        self.clock = clock
        self.throttle = CodeThrottle(clock)
        self.looked_at = 0

    def try_code(self, *, known: bool, good: bool, slip: bool = False) -> float | None:
        """Try one code: seconds to wait before it is looked at (0 when it was), None when locked."""
        counter = Counter(ACCOUNT, known)
        with self.engine.begin() as connection:
            standing = self.throttle.check(connection, counter)
            if standing.locked:
                return None
            if not standing.open:
                return standing.wait
            self.throttle.count(connection, counter, standing)
            if good:
                self.throttle.good(connection, counter)
            else:
                self.throttle.settle(connection, counter, slip=slip)
        self.looked_at += not good
        return 0.0


@pytest.fixture
def simulation(clock: SettableClock) -> Iterator[Simulation]:
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    metadata.create_all(engine)
    yield Simulation(engine, clock)
    engine.dispose()


def guess_until(simulation: Simulation, end: float, *, known: bool) -> None:
    """Guess as fast as the throttle allows, until a moment or until it is locked."""
    while simulation.clock.now() < end:
        wait = simulation.try_code(known=known, good=False)
        if wait is None:
            return
        simulation.clock.advance(wait)


def test_the_formula_gives_less_than_one_in_a_thousand() -> None:
    """With two good codes at a time the yearly bound holds what the guide promises."""
    assert success_probability(PER_YEAR) < 1 / 1000
    assert success_probability(PER_YEAR, good_codes=1) < 1 / 2000
    assert abs(success_probability(PER_YEAR) - 2e-6 * PER_YEAR) < 2e-6


def test_a_year_of_guessing_alone_is_over_after_fifty(simulation: Simulation) -> None:
    """A guesser whom nobody disturbs, from however many sources, has 50 tries and not one more."""
    guess_until(simulation, simulation.clock.now() + YEAR, known=False)
    assert IN_A_ROW.lock_at == simulation.looked_at
    simulation.clock.advance(YEAR)
    assert simulation.try_code(known=False, good=True) is None


def guess_daily(simulation: Simulation, days: Iterable[int], *kinds: bool) -> list[float]:
    """Three guesses that cost no wait, then a good code of the owner, on each of `days`, in browsers
    of each of `kinds`; the moments of the guesses that were looked at."""
    begin, guesses = simulation.clock.now(), []
    for day in days:
        simulation.clock.advance(begin + day * DAY - simulation.clock.now())
        for known in kinds:
            for _ in range(3):
                if simulation.try_code(known=known, good=False) == 0.0:
                    guesses.append(simulation.clock.now())
            simulation.try_code(known=known, good=True)
    return guesses


@pytest.mark.parametrize("known", [False, True])
def test_a_year_of_guessing_between_the_owners_good_codes(
    simulation: Simulation, known: bool
) -> None:
    """When the owner's good codes clear the count in between, the yearly share ends it, in any year
    within two."""
    guesses = guess_daily(simulation, [*range(120), *range(120, 730, 5)], known)
    worst = max(sum(t <= other < t + YEAR for other in guesses) for t in guesses)
    assert (PER_YEAR_KNOWN if known else PER_YEAR_STRANGERS) == worst


def test_all_sources_together_stay_within_the_bound(simulation: Simulation) -> None:
    """Guessing in strangers' and in known browsers at once, with the owner's good codes in each."""
    guesses = guess_daily(simulation, [*range(120), *range(120, 365, 10)], False, True)
    assert PER_YEAR == len(guesses)
    assert success_probability(len(guesses)) < 1 / 1000


def test_whoever_mistypes_one_code_in_ten_never_waits_five_minutes(
    simulation: Simulation,
) -> None:
    """Ten codes on every day of a year, each tenth mistyped at random and tried again at once, one
    mistake in five being no mere slip: no wait is longer than five minutes, and nobody is locked."""
    chance, longest = random.Random(20261125), 0.0
    for _ in range(365):
        for _ in range(10):
            good = False
            while not good:
                good, slip = chance.random() >= 0.1, chance.random() >= 0.2
                waited = 0.0
                while (wait := simulation.try_code(known=True, good=good, slip=slip)) != 0.0:
                    assert wait is not None, "locked"
                    waited += wait
                    simulation.clock.advance(wait)
                longest = max(longest, waited)
                simulation.clock.advance(10)
        simulation.clock.advance(DAY - 10 * 10)
    assert simulation.looked_at > PER_YEAR_KNOWN
    assert longest <= 300


def test_slips_are_told_from_guesses() -> None:
    """Exactly as many of all codes are slips of one as the formula says, and no code is its own."""
    slips = [code for n in range(10**6) if is_slip("402277", code := f"{n:06d}")]
    assert 6 * 9 + 3 == len(slips)  # three of its five pairs of neighbours are not two of a kind
    assert "402277" not in slips
    assert not is_slip("402277", "40227") and not is_slip("402277", "40227-")


def test_a_slip_is_wrong_and_not_counted_for_the_year(desk: Desk) -> None:
    """One digit off, exchanged neighbours, or two minutes late: refused like any wrong code, but only
    the guess stands against the year."""
    code = desk.code()
    off = f"{(int(code[0]) + 1) % 10}{code[1:]}"
    for given in (off, desk.code(-4), desk.wrong()):
        with pytest.raises(ChallengeRefused) as refused:
            desk.answer(desk.ask(), given)
        assert "wrong" == refused.value.reason
    with desk.engine.connect() as connection:
        wrong = connection.execute(sa.select(sa.func.sum(wrong_codes.c.wrong))).scalar_one()
    assert 1 == wrong


def test_strangers_do_not_lock_the_owner_out(simulation: Simulation) -> None:
    """However much somebody guesses who knows the password, a browser that gave a good code before
    goes on without a wait."""
    guess_until(simulation, simulation.clock.now() + YEAR, known=False)
    assert 0.0 == simulation.try_code(known=True, good=True)


@pytest.mark.parametrize("jump", [-YEAR, -3600.0, 3600.0, YEAR, 10 * YEAR])
def test_a_jumping_clock_frees_no_guesser(simulation: Simulation, jump: float) -> None:
    """After the lock, no jump of the server's clock opens it."""
    guess_until(simulation, simulation.clock.now() + YEAR, known=False)
    simulation.clock.advance(jump)
    assert simulation.try_code(known=False, good=False) is None


@pytest.mark.parametrize("jump", [-YEAR, -30.0, 30.0])
def test_a_jumping_clock_does_not_lock_the_owner_out(simulation: Simulation, jump: float) -> None:
    """A wait is never longer than its own five minutes, wherever the clock went meanwhile."""
    for _ in range(12):
        wait = simulation.try_code(known=True, good=False)
        simulation.clock.advance(wait or 0.0)
    simulation.clock.advance(jump)
    wait = simulation.try_code(known=True, good=True)
    assert wait is not None and wait <= 300


def test_a_clock_that_was_ahead_forgets_no_wrong_code(
    simulation: Simulation, clock: SettableClock
) -> None:
    """Two years ahead, a purge, and back: the year is counted as before."""
    for _ in range(3):
        simulation.try_code(known=False, good=False)
    clock.advance(2 * YEAR)
    with simulation.engine.begin() as connection:
        simulation.throttle.prune(connection)
    clock.advance(-2 * YEAR)
    with simulation.engine.connect() as connection:
        wrong = connection.execute(sa.select(sa.func.sum(wrong_codes.c.wrong))).scalar_one()
    assert 3 == wrong


@pytest.mark.parametrize(("skew", "accepted"), [(-30, True), (0, True), (30, False), (-60, False)])
def test_a_phone_whose_clock_differs(desk: Desk, skew: int, accepted: bool) -> None:
    """Half a minute behind is accepted; ahead is not, because a code of later would live longer,
    but the same code is good as soon as its step has come."""
    code = pyotp.TOTP(SEED).at(int(desk.clock.now()) + skew)
    challenge = desk.ask()
    if accepted:
        assert desk.answer(challenge, code)
        return
    with pytest.raises(ChallengeRefused):
        desk.answer(challenge, code)
    if skew > 0:
        desk.clock.advance(skew)
        assert desk.answer(challenge, code)


# Equal work

STEPS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@pytest.fixture
def statements(desk: Desk) -> Iterator[list[str]]:
    """The kinds and tables of the statements that run, in order."""
    found: list[str] = []

    def listen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = statement.split()
        if words[0] in STEPS:
            tables = [word for word in words if word.startswith("gh_")]
            found.append(f"{words[0]} {tables[0].split('.')[0]}")

    sa.event.listen(desk.engine, "before_cursor_execute", listen)
    yield found
    sa.event.remove(desk.engine, "before_cursor_execute", listen)


def test_every_refusal_does_the_same_work(
    desk: Desk, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong, replayed, throttled, locked, for somebody without an authenticator: the same statements
    in the same order, as many codes computed, and one audit entry, so that no answer is told by its
    time."""
    computed: Count[str] = Count()
    generate = pyotp.TOTP.generate_otp

    def counted(self: pyotp.TOTP, step: int) -> str:
        computed["codes"] += 1
        return generate(self, step)

    monkeypatch.setattr(totp_module.pyotp.TOTP, "generate_otp", counted)
    seen: dict[str, tuple[list[str], int, int]] = {}

    def observe(name: str, expected: str, code: str, person: str = PERSON) -> None:
        challenge = desk.ask(person=person)
        before = len(desk.audit.entries)
        statements.clear()
        computed.clear()
        with pytest.raises(ChallengeRefused) as refused:
            desk.answer(challenge, code)
        assert expected == refused.value.reason
        seen[name] = (list(statements), computed["codes"], len(desk.audit.entries) - before)

    used = desk.code()
    desk.answer(desk.ask(), used)
    observe("replayed", "replayed", used)
    observe("wrong", "wrong", desk.wrong())
    observe("without", "not_enrolled", desk.wrong(), person="p-ffffffffffff")
    for number in range(3):
        with pytest.raises(ChallengeRefused):
            desk.answer(desk.ask(), desk.wrong(number))
    observe("throttled", "throttled", desk.wrong())
    with desk.engine.begin() as connection:
        connection.execute(code_throttle.update().values(failures=50, blocked_until=0.0))
    observe("locked", "locked", desk.wrong())
    works = {str(work) for work in seen.values()}
    assert 1 == len(works), seen
    assert 2 + LATE_STEPS == seen["wrong"][1]
