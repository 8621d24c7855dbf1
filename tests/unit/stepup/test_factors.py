"""What every factor that is typed as a code must do, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.stepup import ChallengeRefused, CodeRefused, RecoveryCodes, Totp
from gatehouse.stepup.assembly import StepUpParts, assemble
from gatehouse.stepup.authenticators import MOST_APPS
from gatehouse.stepup.factors import Factor
from gatehouse.stepup.own_factors import Change, Outcome
from gatehouse.stepup.recovery import HOW_MANY, PREFIX, parse_recovery
from gatehouse.stepup.schema import recovery_codes
from gatehouse.stepup.throttle import IN_A_ROW, PER_YEAR_STRANGERS
from gatehouse.stepup.tickets import LIFETIME

from .conftest import KEY, PERSON, SEED, SESSION, SETTINGS, SITE, Audit, Desk
from .people import ERIN, OTHER

ABOUT = "ab" * 32


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
        given.factor.verify(person, code, ABOUT)
    return refused.value.reason


def test_a_good_code_is_good_once(given: Given) -> None:
    """And a second time is told from a guess."""
    code = given.good()
    assert isinstance(given.factor.verify(PERSON, code, ABOUT), int)
    assert "replayed" == reason(given, code)


def test_of_many_submissions_one_succeeds(given_anywhere: Given) -> None:
    """Whoever submits the same code at the same time."""
    code = given_anywhere.good()

    def submit(_: int) -> bool:
        try:
            given_anywhere.factor.verify(PERSON, code, ABOUT)
        except CodeRefused:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert 1 == sum(pool.map(submit, range(50)))


def test_a_wrong_code_is_wrong(given: Given) -> None:
    """And does not use up a good one."""
    assert "wrong" == reason(given, given.wrong)
    assert given.factor.verify(PERSON, given.good(), ABOUT)


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
    assert given.factor.verify(PERSON, code, ABOUT)


def test_a_removed_factor_is_gone(given: Given) -> None:
    """With everything that was good of it."""
    code = given.good()
    assert (True, True) == (bool(given.factor.offers(PERSON)), given.factor.remove(PERSON))
    assert (False, False) == (bool(given.factor.offers(PERSON)), given.factor.remove(PERSON))
    assert reason(given, code) in {"not_enrolled", "wrong"}


def test_a_code_is_recognised(given: Given) -> None:
    """By its form, with blanks around it."""
    assert given.factor.reads(f" {given.good()} ")


def test_a_refusal_does_not_repeat_the_code(given: Given) -> None:
    """Its words may be logged."""
    with pytest.raises(CodeRefused) as refused:
        given.factor.verify(PERSON, given.wrong, ABOUT)
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
def parts(engine: Engine, clock: SettableClock, desk: Desk) -> StepUpParts:
    return assemble(engine, clock, SETTINGS, lambda name: KEY, desk.audit.append, site=SITE)


def proven(parts: StepUpParts, change: Change, code: object) -> Outcome:
    challenge = parts.own_factors.ask(ERIN, SESSION, change)
    return parts.own_factors.answer(ERIN, SESSION, challenge.id, code)


RECOVERY = Change("recovery")


def test_new_recovery_codes_need_a_good_code(desk: Desk, parts: StepUpParts) -> None:
    """It is used up; a recovery code does as well; each change is recorded first."""
    code = desk.code()
    codes = proven(parts, RECOVERY, code).codes
    with pytest.raises(ChallengeRefused):
        proven(parts, RECOVERY, code)
    assert HOW_MANY == parts.own_factors.of(PERSON).recovery_left
    assert proven(parts, RECOVERY, codes[3]).codes
    made = ["step_up_requested", "step_up_passed", "step_up_redeemed", "administration"]
    assert [*made, "step_up_requested", "step_up_failed", *made] == desk.audit.kinds


def test_guessing_here_is_guessing(desk: Desk, parts: StepUpParts) -> None:
    """Wrong codes count as everywhere, so that this is no second place to guess."""
    for number in range(IN_A_ROW.free + 1):
        with pytest.raises(ChallengeRefused) as refused:
            proven(parts, RECOVERY, desk.wrong(number))
        assert "wrong" == refused.value.reason
    for attempt in (lambda: proven(parts, RECOVERY, desk.code()),
                    lambda: desk.answer(desk.ask(), desk.code())):  # fmt: skip
        with pytest.raises(ChallengeRefused) as refused:
            attempt()
        assert "throttled" == refused.value.reason


def test_nothing_changes_unrecorded(desk: Desk, parts: StepUpParts) -> None:
    """Without the audit log the former codes stay as they are."""
    audit: Audit = desk.audit
    codes = proven(parts, RECOVERY, desk.code()).codes
    desk.clock.advance(30)
    audit.broken = "administration"
    with pytest.raises(OSError):
        proven(parts, RECOVERY, desk.code())
    audit.broken = None
    assert proven(parts, RECOVERY, codes[0]).codes


def test_somebody_without_a_factor_cannot_make_one(desk: Desk, parts: StepUpParts) -> None:
    """A password alone never becomes a second factor: nothing but a ticket is asked for."""
    parts.remove(PERSON)
    challenge = parts.own_factors.ask(ERIN, SESSION, Change("add", "totp"))
    assert ["ticket"] == [one.kind for one in parts.own_factors.step_up.offers(challenge)]
    with pytest.raises(ChallengeRefused) as refused:
        parts.own_factors.answer(ERIN, SESSION, challenge.id, desk.code())
    assert "not_enrolled" == refused.value.reason


# Tickets


def test_a_ticket_is_good_once_for_its_person(parts: StepUpParts) -> None:
    """Whatever its spelling; a new one ends the former."""
    parts.remove(PERSON)
    void, ticket = parts.tickets.issue(PERSON), parts.tickets.issue(PERSON)
    outcomes = []
    for person, code in (
        (OTHER, ticket),
        (PERSON, void),
        (PERSON, ticket.upper()),
        (PERSON, ticket),
    ):
        try:
            outcomes.append(bool(parts.tickets.verify(person, code)))
        except CodeRefused as refused:
            outcomes.append(refused.reason == "replayed")
    assert [False, False, True, False] == outcomes


@pytest.mark.parametrize("jump", [LIFETIME, -LIFETIME])
def test_a_ticket_is_good_for_a_day(parts: StepUpParts, clock: SettableClock, jump: int) -> None:
    """Whatever way the clock goes."""
    parts.remove(PERSON)
    ticket = parts.tickets.issue(PERSON)
    clock.advance(jump)
    with pytest.raises(CodeRefused):
        parts.tickets.verify(PERSON, ticket)


def test_a_ticket_is_worth_nothing_beside_a_factor(parts: StepUpParts) -> None:
    """Neither made for somebody who has one, nor kept for later."""
    with pytest.raises(InvalidInput, match="already"):
        parts.tickets.issue(PERSON)
    parts.remove(PERSON)
    ticket = parts.tickets.issue(PERSON)
    parts.totp.set_demo_secret(PERSON, SEED)
    assert () == parts.tickets.offers(PERSON)
    with pytest.raises(CodeRefused):
        parts.tickets.verify(PERSON, ticket)


# Several


def test_a_guess_counts_once_for_each_app(desk: Desk, parts: StepUpParts) -> None:
    """So that the yearly bound holds however many codes are good at a moment."""
    for _ in range(2):
        enrolment = parts.totp.enrol(PERSON, "erin.walsh")
        parts.totp.confirm(PERSON, pyotp.TOTP(enrolment.secret).at(int(desk.clock.now())))
    counter = desk.step_up.counter_of(PERSON, "")
    assert (3, PER_YEAR_STRANGERS) == (counter.weight, counter.per_year)
    looked_at = 0
    while looked_at < PER_YEAR_STRANGERS:
        # Far from every good one, or it would be a slip, which does not count for the year.
        with pytest.raises(ChallengeRefused) as refused:
            desk.answer(desk.ask(), f"{(looked_at * 111_317) % 10**6:06d}")
        if refused.value.reason == "locked":
            break
        looked_at += refused.value.reason in {"wrong", "too_many"}
        desk.clock.advance(IN_A_ROW.longest)
        if looked_at % 40 == 0:
            desk.clock.advance(30)
            desk.answer(desk.ask(), desk.code())  # or fifty in a row would lock it first
    assert PER_YEAR_STRANGERS // 3 <= looked_at <= PER_YEAR_STRANGERS // 3 + 1


def test_the_codes_of_every_app_are_good_once(desk: Desk, parts: StepUpParts) -> None:
    """Each has its own steps; one that is removed is gone at once and the other is not."""
    second = parts.totp.enrol(PERSON, "erin.walsh", name="Tablet")
    parts.totp.confirm(PERSON, pyotp.TOTP(second.secret).at(int(desk.clock.now())))
    desk.clock.advance(30)
    codes = [desk.code(), pyotp.TOTP(second.secret).at(int(desk.clock.now()))]
    assert 2 == len({desk.answer(desk.ask(), code).id for code in codes})
    for code in codes:
        with pytest.raises(ChallengeRefused) as refused:
            desk.answer(desk.ask(), code)
        assert "replayed" == refused.value.reason
    assert parts.authenticators.remove(PERSON, second.id)
    desk.clock.advance(30)
    with pytest.raises(ChallengeRefused):
        desk.answer(desk.ask(), pyotp.TOTP(second.secret).at(int(desk.clock.now())))
    assert desk.answer(desk.ask(), desk.code())


def test_of_many_confirmations_one_activates(any_engine: Engine, clock: SettableClock) -> None:
    """And of those who add the last one that there is room for, one does."""
    totp = Totp(any_engine, clock, KEY)
    enrolments = [
        totp.enrol(PERSON, "erin.walsh", session_tag=f"session {number}")
        for number in range(MOST_APPS + 3)
    ]

    def confirm(number: int) -> bool:
        made = enrolments[number]
        code = pyotp.TOTP(made.secret).at(int(clock.now()))
        try:
            totp.confirm(PERSON, code, identity=made.id, session_tag=f"session {number}")
        except (CodeRefused, InvalidInput):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert MOST_APPS == sum(pool.map(confirm, [*range(MOST_APPS + 3), *range(MOST_APPS + 3)]))


# Notices


def test_notices_wait_until_they_are_dismissed(
    engine: Engine, clock: SettableClock, parts: StepUpParts
) -> None:
    """Only by their person; the last twenty are kept, for ninety days; the text is sealed."""
    for number in range(25):
        clock.advance(1)
        parts.notices.tell(PERSON, f"Number {number} happened.")
    found = parts.notices.of(PERSON)
    assert ["Number 5 happened.", "Number 24 happened."] == [found[0].text, found[-1].text]
    assert (20, ()) == (len(found), parts.notices.of(OTHER))
    assert [False, True] == [parts.notices.dismiss(p, found[0].id) for p in (OTHER, PERSON)]
    with engine.connect() as connection:
        assert "happened" not in "\n".join(connection.connection.iterdump())
    clock.advance(91 * 86_400)
    assert (19, ()) == (parts.notices.prune(), parts.notices.of(PERSON))
