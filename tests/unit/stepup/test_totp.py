"""Time-based one-time passwords."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.stepup import CodeRefused, Enrolment, Totp
from gatehouse.stepup.schema import authenticators

from .conftest import KEY, PERSON, SEED

RFC_SEED = base64.b32encode(b"12345678901234567890").decode()
START = 1_800_000_000


def code_at(moment: float, seed: str = SEED) -> str:
    return pyotp.TOTP(seed).at(int(moment))


def reason_against(totp: Totp, code: object, person: str = PERSON) -> str:
    with pytest.raises(CodeRefused) as refused:
        totp.verify(person, code)
    assert "the code was not accepted" == refused.value.message
    return refused.value.reason


@pytest.fixture
def totp(engine: Engine, clock: SettableClock) -> Totp:
    made = Totp(engine, clock, KEY)
    made.set_demo_secret(PERSON, SEED)
    return made


@pytest.mark.parametrize(
    ("moment", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_vectors_of_rfc_6238(engine: Engine, moment: int, eight_digits: str) -> None:
    """RFC 6238 appendix B, SHA-1; six digits are the last six of the eight printed there."""
    totp = Totp(engine, SettableClock(float(moment)), KEY)
    totp.set_demo_secret(PERSON, RFC_SEED)
    assert moment // 30 == totp.verify(PERSON, eight_digits[2:])


def test_a_code_works_once(totp: Totp, clock: SettableClock) -> None:
    """The same code is refused the second time, in its own step and in the next."""
    code = code_at(clock.now())
    assert START // 30 == totp.verify(PERSON, code)
    assert "replayed" == reason_against(totp, code)
    clock.advance(30)
    assert "replayed" == reason_against(totp, code)
    clock.advance(30)
    assert "wrong" == reason_against(totp, code)


def test_codes_of_the_window_work(engine: Engine, clock: SettableClock) -> None:
    """This step and one back are good; two back and every later step are not."""
    outcomes = {}
    for steps in (-2, -1, 0, 1, 2):
        totp = Totp(engine, clock, KEY)
        totp.remove(PERSON)
        totp.set_demo_secret(PERSON, SEED)
        try:
            outcomes[steps] = totp.verify(PERSON, code_at(START + 30 * steps)) - START // 30
        except CodeRefused as refused:
            outcomes[steps] = refused.reason  # type: ignore[assignment]
    assert {-2: "wrong", -1: -1, 0: 0, 1: "wrong", 2: "wrong"} == outcomes


def test_the_strict_setting_takes_no_old_step(engine: Engine, clock: SettableClock) -> None:
    """With `back` 0 only the code of this very step is good."""
    totp = Totp(engine, clock, KEY, back=0)
    totp.set_demo_secret(PERSON, SEED)
    assert "wrong" == reason_against(totp, code_at(START - 30))
    assert START // 30 == totp.verify(PERSON, code_at(START))


@pytest.mark.parametrize("back", [-1, 2, 100])
def test_wider_windows_cannot_be_configured(
    engine: Engine, clock: SettableClock, back: int
) -> None:
    """A window of minutes is a mistake in the settings, named as such."""
    with pytest.raises(InvalidInput, match="totp_back"):
        Totp(engine, clock, KEY, back=back)


def test_an_older_code_is_refused_after_a_newer_one(totp: Totp, clock: SettableClock) -> None:
    """Codes can be used in order only; the unused one before is dead."""
    totp.verify(PERSON, code_at(START))
    assert "replayed" == reason_against(totp, code_at(START - 30))


def test_a_clock_that_goes_back_revives_no_code(totp: Totp, clock: SettableClock) -> None:
    """Used codes stay used while the clock passes their steps a second time."""
    codes = []
    for _ in range(3):
        codes.append(code_at(clock.now()))
        totp.verify(PERSON, codes[-1])
        clock.advance(30)
    clock.advance(-90)
    outcomes = []
    for code in codes:
        outcomes.append(reason_against(totp, code))
        clock.advance(30)
    assert ["replayed"] * 3 == outcomes
    assert START // 30 + 3 == totp.verify(PERSON, code_at(clock.now()))


def test_before_the_epoch_no_code_is_right(engine: Engine) -> None:
    """A clock that is wildly wrong refuses instead of failing."""
    totp = Totp(engine, SettableClock(-1000.0), KEY)
    totp.set_demo_secret(PERSON, SEED)
    assert ["wrong", "malformed"] == [reason_against(totp, code) for code in ("000000", "")]


@pytest.mark.parametrize("code", [None, "", "12345", "1234567", "abcdef", "1" * 10**6, 123456, {}])
def test_what_is_no_code_is_malformed(totp: Totp, code: object) -> None:
    """Malformed input is told apart before anything is compared, and uses nothing up."""
    assert "malformed" == reason_against(totp, code)
    assert START // 30 == totp.verify(PERSON, code_at(START))


def test_a_seed_is_active_only_after_a_good_code(engine: Engine, clock: SettableClock) -> None:
    """Enrolment is pending until confirmed; the confirming code is used up by that."""
    totp = Totp(engine, clock, KEY)
    enrolment = totp.enrol(PERSON, "erin.walsh")
    code = code_at(START, enrolment.secret)
    assert not totp.enrolled(PERSON)
    assert "not_enrolled" == reason_against(totp, code)
    with pytest.raises(CodeRefused):
        totp.confirm(PERSON, "000000" if code != "000000" else "111111")
    assert not totp.enrolled(PERSON)
    totp.confirm(PERSON, code[:3] + " " + code[3:])
    assert totp.enrolled(PERSON)
    assert "replayed" == reason_against(totp, code)


def test_a_new_enrolment_replaces_a_pending_one(engine: Engine, clock: SettableClock) -> None:
    """Starting over makes the seed that was shown first worthless."""
    totp = Totp(engine, clock, KEY)
    first, second = (totp.enrol(PERSON, "erin.walsh") for _ in range(2))
    with pytest.raises(CodeRefused):
        totp.confirm(PERSON, code_at(START, first.secret))
    totp.confirm(PERSON, code_at(START, second.secret))
    assert totp.enrolled(PERSON)


def test_enrolling_another_leaves_the_first_one_alone(totp: Totp, clock: SettableClock) -> None:
    """A second app is worth nothing before its own first code; then each one's code is good."""
    second = totp.enrol(PERSON, "erin.walsh", name="Tablet").secret
    assert "wrong" == reason_against(totp, code_at(START, second))
    with pytest.raises(CodeRefused):
        totp.confirm(PERSON, code_at(START))
    totp.confirm(PERSON, code_at(START, second))
    assert START // 30 == totp.verify(PERSON, code_at(START))
    clock.advance(30)
    assert START // 30 + 1 == totp.verify(PERSON, code_at(clock.now(), second))
    assert {"Authenticator app", "Tablet"} == {one.name for one in totp.offers(PERSON)}


def test_a_demo_seed_never_replaces_an_enrolled_one(engine: Engine, clock: SettableClock) -> None:
    """A person's own authenticator survives a repeated demonstration set-up."""
    totp = Totp(engine, clock, KEY)
    totp.confirm(PERSON, code_at(START, totp.enrol(PERSON, "erin.walsh").secret))
    with pytest.raises(InvalidInput):
        totp.set_demo_secret(PERSON, SEED)
    assert 0 == totp.count_demo()


def test_repeating_a_demo_seed_revives_no_code(totp: Totp) -> None:
    """Setting the same seed again leaves what was used as used."""
    totp.verify(PERSON, code_at(START))
    totp.set_demo_secret(PERSON, SEED)
    assert ("replayed", 1) == (reason_against(totp, code_at(START)), totp.count_demo())


def test_a_removed_authenticator_is_gone(totp: Totp) -> None:
    """After removal no code is good; the next enrolment has another id."""
    before = totp.authenticator(PERSON)
    assert [True, False] == [totp.remove(PERSON), totp.remove(PERSON)]
    assert "not_enrolled" == reason_against(totp, code_at(START))
    totp.set_demo_secret(PERSON, SEED)
    assert before != totp.authenticator(PERSON)


def test_one_persons_code_is_not_anothers(totp: Totp) -> None:
    """A good code of one person is wrong for another."""
    totp.set_demo_secret("p-ffffffffffff", "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")
    assert "wrong" == reason_against(totp, code_at(START), "p-ffffffffffff")


def test_seeds_are_not_in_the_database(engine: Engine, totp: Totp) -> None:
    """Neither base32 nor raw bytes of a seed can be found in the tables."""
    with engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump()).lower()
    hidden = [SEED.lower(), SEED.encode().hex(), base64.b32decode(SEED).hex()]
    assert [] == [text for text in hidden if text in dump]


def test_a_seed_moved_to_another_person_does_not_open(engine: Engine, totp: Totp) -> None:
    """Copying one's own row onto somebody else gives no second factor but an integrity error."""
    with engine.begin() as connection:
        connection.execute(authenticators.update().values(person_id="p-ffffffffffff"))
    with pytest.raises(IntegrityError):
        totp.verify("p-ffffffffffff", code_at(START))


def test_an_enrolment_does_not_show_its_secret(totp: Totp) -> None:
    """Printing or logging an enrolment shows nothing; its address has the RFC's parameters."""
    enrolment = totp.enrol("p-ffffffffffff", "erin.walsh")
    assert "Enrolment(…)" == repr(enrolment)
    assert f"otpauth://totp/Gatehouse:erin.walsh?secret={enrolment.secret}" in enrolment.uri
    assert 20 == len(base64.b32decode(enrolment.secret))


def test_of_fifty_submissions_at_once_one_succeeds(
    any_engine: Engine, clock: SettableClock
) -> None:
    """One conditional UPDATE decides: exactly one submission of a good code is accepted."""
    totp = Totp(any_engine, clock, KEY)
    totp.set_demo_secret(PERSON, SEED)
    code = code_at(START)

    def submit(_: int) -> str:
        try:
            totp.verify(PERSON, code)
        except CodeRefused as refused:
            return refused.reason
        return "accepted"

    with ThreadPoolExecutor(25) as pool:
        outcomes = list(pool.map(submit, range(50)))
    assert (1, 49) == (outcomes.count("accepted"), outcomes.count("replayed"))


def test_two_enrolments_at_once_leave_one(any_engine: Engine, clock: SettableClock) -> None:
    """Of simultaneous enrolments one is pending in the end, and only its seed can be confirmed."""
    totp = Totp(any_engine, clock, KEY)

    def enrol(_: int) -> Enrolment | None:
        try:
            return totp.enrol(PERSON, "erin.walsh")
        except InvalidInput:
            return None

    with ThreadPoolExecutor(8) as pool:
        begun = [one for one in pool.map(enrol, range(8)) if one]
    confirmed = 0
    for one in begun:
        try:
            totp.confirm(PERSON, code_at(START, one.secret), identity=one.id)
            confirmed += 1
        except CodeRefused:
            continue
    with any_engine.connect() as connection:
        rows = connection.execute(sa.select(sa.func.count()).select_from(authenticators))
        assert (1, 1) == (confirmed, rows.scalar_one())


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(min_value=-120, max_value=120), max_size=12))
def test_no_step_is_accepted_twice(engine: Engine, clock: SettableClock, jumps: list[int]) -> None:
    """Whatever way the clock goes, accepted steps only ever rise."""
    totp = Totp(engine, clock, KEY)
    totp.remove(PERSON)
    totp.set_demo_secret(PERSON, SEED)
    accepted = []
    for jump in jumps:
        clock.advance(jump)
        try:
            accepted.append(totp.verify(PERSON, code_at(clock.now())))
        except CodeRefused:
            continue
    assert sorted(set(accepted)) == accepted
