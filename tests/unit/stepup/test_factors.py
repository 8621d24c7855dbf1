"""What every factor that is typed as a code must do, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.stepup import ChallengeRefused, CodeRefused, RecoveryCodes, Totp
from gatehouse.stepup.factors import Factor
from gatehouse.stepup.own_factors import OwnFactors
from gatehouse.stepup.recovery import HOW_MANY, PREFIX, parse_recovery
from gatehouse.stepup.schema import recovery_codes
from gatehouse.stepup.throttle import IN_A_ROW

from .conftest import KEY, PERSON, SEED, SETTINGS, Audit, Desk

OTHER = "p-ffffffffffff"


class Given:
    """A factor of `PERSON`, and how to get a good code of it."""

    def __init__(self, factor: Factor, good: Callable[[], str], wrong: str) -> None:
        self.factor = factor
        self.good = good
        self.wrong = wrong


def make(kind: str, engine: Engine, clock: SettableClock) -> Given:
    if kind == "totp":
        totp = Totp(engine, clock, KEY)
        totp.set_demo_secret(PERSON, SEED)
        code = pyotp.TOTP(SEED)
        wrong = f"{(int(code.at(int(clock.now()))) + 111_111) % 10**6:06d}"
        return Given(totp, lambda: code.at(int(clock.now())), wrong)
    recovery = RecoveryCodes(engine, clock, KEY)
    codes = iter(recovery.issue(PERSON))
    return Given(recovery, lambda: next(codes), f"{PREFIX}22222-22222")


@pytest.fixture(params=["totp", "recovery"])
def given(request: pytest.FixtureRequest, engine: Engine, clock: SettableClock) -> Given:
    return make(request.param, engine, clock)


@pytest.fixture(params=["totp", "recovery"])
def given_anywhere(
    request: pytest.FixtureRequest, any_engine: Engine, clock: SettableClock
) -> Given:
    return make(request.param, any_engine, clock)


def reason(given: Given, code: object, person: str = PERSON) -> str:
    with pytest.raises(CodeRefused) as refused:
        given.factor.verify(person, code)
    return refused.value.reason


def test_a_good_code_is_good_once(given: Given) -> None:
    """And a second time is told from a guess."""
    code = given.good()
    assert isinstance(given.factor.verify(PERSON, code), int)
    assert "replayed" == reason(given, code)


def test_of_many_submissions_one_succeeds(given_anywhere: Given) -> None:
    """Whoever submits the same code at the same time."""
    code = given_anywhere.good()

    def submit(_: int) -> bool:
        try:
            given_anywhere.factor.verify(PERSON, code)
        except CodeRefused:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert 1 == sum(pool.map(submit, range(50)))


def test_a_wrong_code_is_wrong(given: Given) -> None:
    """And does not use up a good one."""
    assert "wrong" == reason(given, given.wrong)
    assert given.factor.verify(PERSON, given.good())


@pytest.mark.parametrize(
    "code", [None, 7, "", "12345", "hello", "rc-", "rc-abc", "\ud800", "1" * 999]
)
def test_what_is_no_code_is_malformed(given: Given, code: object) -> None:
    """Refused as such, and recognised as no code of this kind."""
    assert ("malformed", False) == (reason(given, code), given.factor.reads(code))


def test_a_code_is_good_for_its_person_only(given: Given) -> None:
    """Somebody else's is not enrolled or wrong, and stays good for its owner."""
    code = given.good()
    assert reason(given, code, OTHER) in {"not_enrolled", "wrong"}
    assert given.factor.verify(PERSON, code)


def test_a_removed_factor_is_gone(given: Given) -> None:
    """With everything that was good of it."""
    code = given.good()
    assert (True, True) == (given.factor.enrolled(PERSON), given.factor.remove(PERSON))
    assert (False, False) == (given.factor.enrolled(PERSON), given.factor.remove(PERSON))
    assert reason(given, code) in {"not_enrolled", "wrong"}


def test_a_code_is_recognised(given: Given) -> None:
    """By its form, with blanks around it."""
    assert given.factor.reads(f" {given.good()} ")


def test_a_refusal_does_not_repeat_the_code(given: Given) -> None:
    """Its words may be logged."""
    with pytest.raises(CodeRefused) as refused:
        given.factor.verify(PERSON, given.wrong)
    assert given.wrong not in refused.value.diagnostics()


# Recovery codes


@pytest.fixture
def recovery(engine: Engine, clock: SettableClock) -> RecoveryCodes:
    return RecoveryCodes(engine, clock, KEY)


def test_codes_differ_and_are_easily_told(recovery: RecoveryCodes) -> None:
    """Ten of them, each with a digit, none with signs that look alike."""
    codes = recovery.issue(PERSON)
    assert HOW_MANY == len(set(codes)) == recovery.left(PERSON)
    for code in codes:
        assert code == parse_recovery(code) == parse_recovery(code.upper().replace("-", " "))
        assert any(sign.isdigit() for sign in code)
        assert not set(code.removeprefix(PREFIX)) & set("01lo")


def test_new_codes_end_the_old_ones(recovery: RecoveryCodes) -> None:
    """A list that was lost is worth nothing after a new one was made."""
    old = recovery.issue(PERSON)[0]
    recovery.issue(PERSON)
    with pytest.raises(CodeRefused):
        recovery.verify(PERSON, old)
    assert HOW_MANY == recovery.left(PERSON)


def test_codes_are_not_in_the_database(engine: Engine, recovery: RecoveryCodes) -> None:
    """Only keyed hashes are; under another key they verify nothing."""
    codes = recovery.issue(PERSON)
    with engine.connect() as connection:
        stored = str(connection.execute(sa.select(recovery_codes)).all())
    assert [] == [code for code in codes if code in stored or code[3:8] in stored]
    with pytest.raises(CodeRefused):
        RecoveryCodes(engine, SettableClock(), bytes(32)).verify(PERSON, codes[0])


def test_a_recovery_code_confirms_a_request(desk: Desk) -> None:
    """In place of the authenticator, and the log says with what."""
    recovery = RecoveryCodes(desk.engine, desk.clock, KEY)
    code = recovery.issue(PERSON)[0]
    desk.step_up = type(desk.step_up)(
        desk.engine, desk.clock, SETTINGS, KEY, desk.totp, desk.audit.append, others=(recovery,)
    )
    assert ("totp", "recovery") == desk.step_up.can_confirm(PERSON)
    assert desk.answer(desk.ask(), code.upper())
    assert ("step_up_passed", "recovery") == (
        desk.audit.entries[-1][0],
        desk.audit.entries[-1][1]["factor"],
    )
    desk.totp.remove(PERSON)
    assert ("recovery",) == desk.step_up.can_confirm(PERSON)
    with pytest.raises(ChallengeRefused) as refused:
        desk.answer(desk.ask(), code)
    assert "replayed" == refused.value.reason


# Changing one's own


@pytest.fixture
def own(desk: Desk) -> OwnFactors:
    recovery = RecoveryCodes(desk.engine, desk.clock, KEY)
    return OwnFactors(
        desk.engine, desk.clock, desk.totp, recovery, desk.audit.append, desk.step_up.counter_of
    )


def test_new_recovery_codes_need_a_good_code(desk: Desk, own: OwnFactors) -> None:
    """It is used up; a recovery code does as well; each change is recorded first."""
    code = desk.code()
    codes = own.new_recovery_codes(PERSON, code)
    with pytest.raises(ChallengeRefused):
        own.new_recovery_codes(PERSON, code)
    assert HOW_MANY == own.of(PERSON).recovery_left
    assert own.new_recovery_codes(PERSON, codes[3])
    assert ["step_up_passed", "administration", "step_up_failed", "step_up_passed", "administration"] == (
        desk.audit.kinds
    )  # fmt: skip


def test_guessing_here_is_guessing(desk: Desk, own: OwnFactors) -> None:
    """Wrong codes count as everywhere, so that this is no second place to guess."""
    for number in range(IN_A_ROW.free + 1):
        with pytest.raises(ChallengeRefused) as refused:
            own.new_recovery_codes(PERSON, desk.wrong(number))
        assert "wrong" == refused.value.reason
    for attempt in (lambda: own.new_recovery_codes(PERSON, desk.code()),
                    lambda: desk.answer(desk.ask(), desk.code())):  # fmt: skip
        with pytest.raises(ChallengeRefused) as refused:
            attempt()
        assert "throttled" == refused.value.reason


def test_nothing_changes_unrecorded(desk: Desk, own: OwnFactors) -> None:
    """Without the audit log the former codes stay as they are."""
    audit: Audit = desk.audit
    codes = own.new_recovery_codes(PERSON, desk.code())
    desk.clock.advance(30)
    audit.broken = "administration"
    with pytest.raises(OSError):
        own.new_recovery_codes(PERSON, desk.code())
    audit.broken = None
    assert own.new_recovery_codes(PERSON, codes[0])


def test_somebody_without_a_factor_cannot_make_one(desk: Desk, own: OwnFactors) -> None:
    """A password alone never becomes a second factor."""
    with pytest.raises(ChallengeRefused) as refused:
        own.new_recovery_codes(OTHER, desk.code())
    assert "not_enrolled" == refused.value.reason
