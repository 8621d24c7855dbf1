"""What every kind of factor must do at a challenge, from the first code to the last replay.

The kinds are set up as a person does it (every.py): an app, recovery codes, a passkey, a mailbox, a telephone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.stepup import Challenge, ChallengeRefused
from gatehouse.stepup.assembly import StepUpParts
from gatehouse.stepup.levels import OF_KIND
from gatehouse.stepup.throttle import IN_A_ROW

from .conftest import CONVERSATION, PERSON, SESSION, SETTINGS, Audit
from .every import KINDS, Held, Post, asked, held, parts_over
from .people import OTHER


class Desk:
    """One person with one factor."""

    def __init__(self, kind: str, engine: Engine, clock: SettableClock) -> None:
        self.audit, self.post, self.clock = Audit(), Post(), clock
        self.parts: StepUpParts = parts_over(engine, clock, self.audit, self.post)
        self.held: Held = held(kind, self.parts, clock, self.post)
        self.level = OF_KIND[kind]

    def ask(self, **changes: str) -> Challenge:
        return asked(self.parts, level=self.level, **changes)

    def answer(self, challenge: Challenge, answer: object, **changes: str) -> str:
        """The level of the grant, or the reason why there is none."""
        session = changes.get("session", challenge.session_id)
        conversation = changes.get("conversation", challenge.conversation_id)
        try:
            grant = self.parts.step_up.answer(challenge.id, session, conversation, answer)
        except ChallengeRefused as refused:
            return refused.reason
        return grant.level


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, engine: Engine, clock: SettableClock) -> Desk:
    return Desk(request.param, engine, clock)


def test_a_good_answer_passes_and_says_what_it_was(desk: Desk) -> None:
    """The grant has the level of the factor; the log has both."""
    challenge = desk.ask()
    assert desk.level == desk.answer(challenge, desk.held.good(challenge))
    _, facts = next(one for one in desk.audit.entries if one[0] == "step_up_passed")
    assert (desk.held.kind, desk.level) == (facts["factor"], facts["level"])


def test_a_wrong_answer_uses_up_a_try(desk: Desk) -> None:
    """And nothing else: a good one passes afterwards."""
    challenge = desk.ask()
    assert "wrong" == desk.answer(challenge, desk.held.wrong(challenge))
    waiting = desk.parts.step_up.pending(CONVERSATION)
    assert waiting is not None and SETTINGS.attempts - 1 == waiting.attempts_left
    desk.clock.advance(61)
    assert desk.level == desk.answer(challenge, desk.held.good(challenge))


def test_an_answer_is_good_once(desk: Desk) -> None:
    """For a second request it is worth nothing, and a request that passed takes no other."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    assert desk.level == desk.answer(challenge, answer)
    assert "unknown" == desk.answer(challenge, answer)
    assert desk.answer(desk.ask(), answer) in {"replayed", "wrong", "not_enrolled"}


def test_an_answer_is_for_its_request(desk: Desk) -> None:
    """What is bound to a request confirms no other, not even the same words asked again."""
    first = desk.ask()
    answer = desk.held.good(first)
    second = desk.ask()
    assert "unknown" == desk.answer(first, answer)  # the newer one took its place
    if desk.held.kind in ("webauthn", "email", "sms"):
        assert desk.answer(second, answer) in {"wrong", "not_enrolled"}


@pytest.mark.parametrize("other", [{"session": "6" * 32}, {"conversation": "d" * 32}])
def test_an_answer_is_for_its_session_and_conversation(desk: Desk, other: dict[str, str]) -> None:
    """From anywhere else there is no such request, and the try is not used up."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    assert "unknown" == desk.answer(challenge, answer, **other)
    assert desk.level == desk.answer(challenge, answer)


def test_an_answer_is_of_its_person(desk: Desk) -> None:
    """Somebody else's request cannot be confirmed with it, and it stays good for its owner."""
    mine = desk.ask()
    answer = desk.held.good(mine)
    theirs = desk.ask(person_id=OTHER, session_id="6" * 32, conversation_id="d" * 32)
    assert desk.answer(theirs, answer) in {"not_enrolled", "wrong"}
    assert desk.level == desk.answer(mine, answer)


def test_a_request_that_waited_too_long_is_over(desk: Desk) -> None:
    """Whatever is answered then, and also when the clock goes back afterwards."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    desk.clock.advance(SETTINGS.challenge)
    assert "expired" == desk.answer(challenge, answer)
    desk.clock.advance(-SETTINGS.challenge)
    assert desk.answer(challenge, answer) in {"expired", "unknown"}


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_jumps_revives_nothing(desk: Desk, jump: int) -> None:
    """What was used stays used, whichever way it goes."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    assert desk.level == desk.answer(challenge, answer)
    desk.clock.advance(jump)
    assert desk.answer(desk.ask(), answer) not in {"aal1", "aal2", "aal2-phishing-resistant"}
    desk.clock.advance(-jump)
    assert desk.answer(desk.ask(), answer) not in {"aal1", "aal2", "aal2-phishing-resistant"}


def test_wrong_answers_are_slowed_down(desk: Desk) -> None:
    """Then not even a good one is looked at, until the wait is over."""
    challenge = desk.ask()
    wrong = desk.held.wrong(challenge)
    outcomes = [desk.answer(challenge, wrong) for _ in range(IN_A_ROW.free + 1)]
    assert {"wrong"} == set(outcomes)
    desk.clock.advance(0.5)
    other = desk.ask()
    good = desk.held.good(other)
    assert "throttled" == desk.answer(other, good)
    desk.clock.advance(IN_A_ROW.longest - 1 if desk.held.kind != "totp" else 1)
    assert desk.answer(other, good) in {desk.level, "expired"}


def test_the_last_try_ends_the_request(desk: Desk) -> None:
    """A good answer comes too late then."""
    challenge = desk.ask()
    wrong, good = desk.held.wrong(challenge), None
    for _ in range(SETTINGS.attempts):
        last = desk.answer(challenge, wrong)
        desk.clock.advance(IN_A_ROW.longest / 10)
    assert "too_many" == last
    assert desk.answer(challenge, good) in {"too_many", "unknown"}


def test_of_fifty_at_once_one_passes(request: pytest.FixtureRequest, desk: Desk) -> None:
    """Whoever submits the same good answer at the same time, to the same request."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)

    def submit(_: int) -> str:
        return desk.answer(challenge, answer)

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(submit, range(50)))
    assert 1 == outcomes.count(desk.level)


@pytest.mark.parametrize(
    "answer", [None, 7, [], "hello", "12345", "\ud800", "1" * 500, "rc-", "tk-"]
)
def test_what_is_no_answer_costs_no_try(desk: Desk, answer: object) -> None:
    """It is said to be none."""
    challenge = desk.ask()
    assert "malformed" == desk.answer(challenge, answer)
    waiting = desk.parts.step_up.pending(CONVERSATION)
    assert waiting is not None and SETTINGS.attempts == waiting.attempts_left


def test_a_factor_that_is_removed_confirms_nothing(desk: Desk) -> None:
    """From that moment, also a request that waits."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    desk.parts.remove(PERSON)
    assert desk.answer(challenge, answer) in {"not_enrolled", "wrong"}


def test_nothing_passes_unrecorded(desk: Desk) -> None:
    """A good answer without its entry is no grant, and is used up."""
    challenge = desk.ask()
    answer = desk.held.good(challenge)
    desk.audit.broken = "step_up_passed"
    with pytest.raises(Exception, match="cannot be recorded"):
        desk.answer(challenge, answer)
    desk.audit.broken = None
    assert desk.answer(desk.ask(), answer) in {"replayed", "wrong", "not_enrolled"}


def test_the_strongest_rule_is_for_passkeys(desk: Desk) -> None:
    """Other kinds are not even looked at there."""
    challenge = asked(desk.parts, level="aal2-phishing-resistant")
    good: Callable[[Challenge], object] = desk.held.good
    if desk.held.kind == "webauthn":
        assert desk.level == desk.answer(challenge, good(challenge))
        return
    assert () == desk.parts.step_up.offers(challenge)
    answer = desk.post.last_code() if desk.post.sent else good(challenge)
    assert "too_weak" == desk.answer(challenge, answer)
    assert SESSION == challenge.session_id
