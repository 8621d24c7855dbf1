"""Codes that are delivered: what is sent, how often, and what they are good for."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.stepup import ChallengeRefused
from gatehouse.stepup.assembly import StepUpParts
from gatehouse.stepup.carriers import ByText
from gatehouse.stepup.delivered import AGAIN_IN, PER_HOUR, PER_REQUEST
from gatehouse.stepup.own_factors import Change
from gatehouse.stepup.refusals import NotSent
from gatehouse.stepup.schema import deliveries

from .conftest import CONVERSATION, PERSON, SESSION, Audit
from .every import Post, asked, delivered_to, parts_over
from .people import ERIN


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def audit() -> Audit:
    return Audit()


@pytest.fixture
def parts(engine: Engine, clock: SettableClock, audit: Audit, post: Post) -> StepUpParts:
    return parts_over(engine, clock, audit, post)


def deliver(parts: StepUpParts, challenge_id: str, identity: str) -> str:
    return parts.step_up.deliver(challenge_id, SESSION, CONVERSATION, identity)


@pytest.mark.parametrize("kind", ["email", "sms"])
def test_a_code_that_is_sent_again_is_the_same(
    parts: StepUpParts, clock: SettableClock, post: Post, kind: str
) -> None:
    """Three times at most, a minute apart, each a message of its own."""
    identity = delivered_to(parts, post, kind)
    challenge = asked(parts, level="aal1")
    post.sent.clear()
    for number in range(PER_REQUEST):
        assert deliver(parts, challenge.id, identity)
        with pytest.raises(NotSent) as refused:
            deliver(parts, challenge.id, identity)
        last = number == PER_REQUEST - 1
        assert "too_soon" == refused.value.reason
        clock.advance(AGAIN_IN)
    with pytest.raises(NotSent) as refused:
        deliver(parts, challenge.id, identity)
    assert last and "too_many_sent" == refused.value.reason
    assert (PER_REQUEST, 1) == (len({one.message_id for one in post.sent}), len(post.codes()))


def test_a_person_gets_ten_an_hour(parts: StepUpParts, clock: SettableClock, post: Post) -> None:
    """Whatever they are for: nobody's mailbox is a target, nor is the bill for text messages."""
    identity = delivered_to(parts, post, "sms")
    post.sent.clear()
    with pytest.raises(NotSent, match="a lot of codes"):
        for _ in range(PER_HOUR + 1):
            deliver(parts, asked(parts, level="aal1").id, identity)
    assert PER_HOUR - 1 == len(post.sent)  # the first was that of the enrolment
    clock.advance(3601)
    assert deliver(parts, asked(parts, level="aal1").id, identity)


def test_many_requests_at_once_send_one_message(parts: StepUpParts, post: Post) -> None:
    """The row is locked: whoever asks at the same time waits for the minute to pass."""
    identity = delivered_to(parts, post, "email")
    challenge = asked(parts, level="aal1")
    post.sent.clear()

    def send(_: int) -> bool:
        try:
            deliver(parts, challenge.id, identity)
        except NotSent:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(send, range(20)))
    assert 1 == len(post.sent)


def test_a_code_that_was_not_sent_is_counted_and_said(
    parts: StepUpParts, post: Post, audit: Audit
) -> None:
    """In the log before it is tried; the person is told to choose another way."""
    identity = delivered_to(parts, post, "email")
    post.broken = True
    with pytest.raises(NotSent, match="another way"):
        deliver(parts, asked(parts, level="aal1").id, identity)
    assert ("step_up_sent", "email") == (audit.kinds[-1], audit.entries[-1][1]["factor"])
    audit.broken = "step_up_sent"
    post.broken = False
    post.sent.clear()
    with pytest.raises(Exception, match="cannot be recorded"):
        deliver(parts, asked(parts, level="aal1").id, identity)
    assert [] == post.sent


def test_a_mailbox_is_no_second_factor(parts: StepUpParts, post: Post) -> None:
    """Where `aal2` is asked for it is neither offered, sent to nor believed; nor does it add others."""
    identity = delivered_to(parts, post, "email")
    assert ((), ("email",)) == (
        parts.step_up.can_confirm(PERSON), parts.step_up.can_confirm(PERSON, "aal1"),
    )  # fmt: skip
    challenge = asked(parts)
    with pytest.raises(NotSent):
        deliver(parts, challenge.id, identity)
    with pytest.raises(ChallengeRefused) as refused:
        parts.step_up.answer(challenge.id, SESSION, CONVERSATION, post.last_code())
    assert "not_enrolled" == refused.value.reason
    change = parts.own_factors.ask(ERIN, SESSION, Change("add", "totp"))
    assert ["ticket"] == [one.kind for one in parts.own_factors.step_up.offers(change)]


def test_the_level_of_text_messages_is_the_operators(
    engine: Engine, clock: SettableClock, post: Post
) -> None:
    """`aal1` unless the risk of a stolen number is taken in the settings."""
    for level, expected in (("aal1", ()), ("aal2", ("sms",))):
        parts = parts_over(engine, clock, Audit(), post, sms_level=level)
        if level == "aal1":
            delivered_to(parts, post, "sms")
        assert expected == parts.step_up.can_confirm(PERSON)


def test_neither_code_nor_address_is_in_the_database(
    parts: StepUpParts, post: Post, engine: Engine
) -> None:
    """Or in the audit log: codes are nowhere, addresses are sealed."""
    identity = delivered_to(parts, post, "email")
    deliver(parts, asked(parts, level="aal1").id, identity)
    with engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump())
    assert 2 == len(post.sent)
    assert not [one for one in post.sent if one.code in re.findall(r"\d+", dump)]
    assert not [
        one for one in post.sent if one.address in dump or one.address.encode().hex() in dump
    ]
    assert PERSON not in str(list_of(engine))


def list_of(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(deliveries)).all())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("+49 30 123456", "+4930123456"),
        ("+1 (212) 555-0100", "+12125550100"),
        ("030 123456", None),
        ("+49", None),
        ("+49 30 123456; rm -rf", None),
        ("+0 30 123456", None),
        ("+" + "1" * 16, None),
        ("+\uff14\uff1930123456", None),
    ],
)
def test_numbers_have_a_country(given: str, kept: str | None) -> None:
    """E.164, whatever people put between the digits."""
    carrier = ByText(None)  # type: ignore[arg-type]
    if kept is None:
        with pytest.raises(InvalidInput):
            carrier.check(given)
        return
    assert (kept, f"…{kept[-3:]}") == (carrier.check(given), carrier.shortened(kept))


def test_old_deliveries_go(
    parts: StepUpParts, clock: SettableClock, post: Post, engine: Engine
) -> None:
    """After a day no limit counts them."""
    delivered_to(parts, post, "email")
    assert 1 == len(list_of(engine))
    clock.advance(86_401)
    parts.expire()
    assert [] == list_of(engine)
