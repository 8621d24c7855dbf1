"""Many at once: one code, one grant; one conversation, one request."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import Unavailable
from gatehouse.settings import StepUp as StepUpSettings
from gatehouse.stepup import ChallengeRefused, GrantRefused
from gatehouse.stepup.schema import challenges, grants
from gatehouse.stepup.throttle import IN_A_ROW

from .conftest import CONVERSATION, Desk, open_desk


@pytest.fixture
def busy_desk(any_engine: Engine, clock: SettableClock) -> Desk:
    return open_desk(any_engine, clock)


def at_once(number: int, work: Callable[[int], str]) -> Counter[str]:
    """Run `work` `number` times, starting together; how often each outcome came."""
    start = threading.Barrier(number)

    def one(index: int) -> str:
        start.wait()
        return work(index)

    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(one, range(number)))


def count(desk: Desk, table: sa.Table) -> int:
    with desk.engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(table)
        return int(connection.execute(counted).scalar_one())


def test_fifty_good_answers_at_once_give_one_grant(busy_desk: Desk) -> None:
    """Whatever the others are told, exactly one gets through and exactly one grant exists."""
    challenge, code = busy_desk.ask(), busy_desk.code()

    def answer(_: int) -> str:
        try:
            busy_desk.answer(challenge, code)
        except ChallengeRefused as refused:
            return refused.reason
        return "granted"

    outcomes = at_once(50, answer)
    assert (1, 50, 1) == (outcomes["granted"], outcomes.total(), count(busy_desk, grants))
    assert set(outcomes) <= {"granted", "wrong", "replayed", "throttled", "unknown", "too_many"}


def test_one_code_in_fifty_conversations_gives_one_grant(busy_desk: Desk) -> None:
    """The same code sent to many requests of one person confirms one of them."""
    asked = [busy_desk.ask(conversation=f"{n:032}", session=f"{n:032}") for n in range(50)]
    code = busy_desk.code()

    def answer(index: int) -> str:
        try:
            busy_desk.answer(asked[index], code)
        except ChallengeRefused as refused:
            return refused.reason
        return "granted"

    outcomes = at_once(50, answer)
    assert (1, 1) == (outcomes["granted"], count(busy_desk, grants))


def test_wrong_codes_at_once_are_not_looked_at_more_often(busy_desk: Desk) -> None:
    """Guessing in parallel gains nothing: as many codes are checked as one after the other."""
    challenge = busy_desk.ask()
    codes = [busy_desk.wrong(n) for n in range(30)]

    def answer(index: int) -> str:
        try:
            busy_desk.answer(challenge, codes[index])
        except ChallengeRefused as refused:
            return refused.reason
        return "granted"

    outcomes = at_once(30, answer)
    checked = outcomes["wrong"] + outcomes["too_many"]
    assert (0, IN_A_ROW.free + 1) == (outcomes["granted"], checked)


def test_a_right_code_among_wrong_ones_is_not_lost(
    any_engine: Engine, clock: SettableClock
) -> None:
    """When the last try and a good code run together, the good one that was counted passes."""
    desk = open_desk(any_engine, clock, StepUpSettings(challenge=300, attempts=2, totp_back=1))
    challenge = desk.ask()
    codes = [desk.wrong(), desk.code()]

    def answer(index: int) -> str:
        try:
            desk.answer(challenge, codes[index])
        except ChallengeRefused as refused:
            return refused.reason
        return "granted"

    assert 1 == at_once(2, answer)["granted"]


def test_requests_at_once_leave_one_waiting(busy_desk: Desk) -> None:
    """However many sensitive requests arrive together, one waits and every other is void."""

    def ask(_: int) -> str:
        try:
            busy_desk.ask()
        except Unavailable:
            return "refused"
        return "asked"

    outcomes = at_once(12, ask)
    waiting = busy_desk.step_up.pending(CONVERSATION)
    with busy_desk.engine.connect() as connection:
        states = Counter(connection.execute(sa.select(challenges.c.state)).scalars())
    assert waiting is not None
    assert (1, outcomes["asked"] - 1) == (states["pending"], states["replaced"])


def test_messages_at_once_share_no_grant(busy_desk: Desk) -> None:
    """Of many messages that present one grant, a single one may use it."""
    grant = busy_desk.answer(busy_desk.ask(), busy_desk.code())

    def redeem(index: int) -> str:
        try:
            busy_desk.redeem(grant, message_id=f"m-{index}")
        except GrantRefused as refused:
            return refused.reason
        return "redeemed"

    assert {"redeemed": 1, "used": 19} == at_once(20, redeem)


def test_cancelling_and_answering_at_once_agree(busy_desk: Desk) -> None:
    """Either the request was cancelled or it was granted, never both."""
    challenge, code = busy_desk.ask(), busy_desk.code()

    def act(index: int) -> str:
        if index == 0:
            done = busy_desk.step_up.cancel(
                challenge.id, challenge.session_id, challenge.conversation_id
            )
            return "cancelled" if done else "too late"
        try:
            busy_desk.answer(challenge, code)
        except ChallengeRefused as refused:
            return refused.reason
        return "granted"

    outcomes = at_once(2, act)
    assert 1 == outcomes["cancelled"] + outcomes["granted"]
    assert outcomes["granted"] == count(busy_desk, grants)
