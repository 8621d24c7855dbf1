"""Resets of second factors by operators."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.stepup.assembly import StepUpParts
from gatehouse.stepup.resets import LIFETIME
from gatehouse.stepup.schema import resets

from .conftest import PERSON, SEED, Audit
from .every import Post, parts_over

ANN, BOB = "p-aaaaaaaaaaaa", "p-bbbbbbbbbbbb"


@pytest.fixture
def audit() -> Audit:
    return Audit()


@pytest.fixture
def parts(engine: Engine, clock: SettableClock, audit: Audit) -> StepUpParts:
    made = parts_over(engine, clock, audit, Post())
    made.totp.set_demo_secret(PERSON, SEED)
    made.recovery.issue(PERSON)
    return made


def test_a_reset_takes_two_who_are_not_the_person(parts: StepUpParts, audit: Audit) -> None:
    """Nothing changes before the second one; afterwards nothing is left, and the person is told."""
    with pytest.raises(InvalidInput, match="their own"):
        parts.resets.stand_for(PERSON, PERSON)
    assert not parts.resets.stand_for(PERSON, ANN)
    with pytest.raises(InvalidInput, match="already"):
        parts.resets.stand_for(PERSON, ANN)
    before = parts.authenticators.account(PERSON)
    assert parts.totp.enrolled(PERSON) and before
    assert parts.resets.stand_for(PERSON, BOB)
    assert ((), 0, None) == (
        parts.authenticators.of(PERSON),
        parts.recovery.left(PERSON),
        parts.authenticators.account(PERSON),
    )
    assert ["factors.reset_proposed", "factors.reset"] == [
        facts["operation"] for kind, facts in audit.entries if kind == "administration"
    ]
    assert [True] == ["all second factors" in one.text for one in parts.notices.of(PERSON)]
    assert 0 == parts.resets.alone_lately()


def test_alone_is_loud(parts: StepUpParts, audit: Audit, clock: SettableClock) -> None:
    """In the log, in the number that the alert looks at for a day, and to the person."""
    parts.resets.alone(PERSON)
    assert (False, 1) == (parts.totp.enrolled(PERSON), parts.resets.alone_lately())
    assert "factors.reset_alone" == audit.entries[-1][1]["operation"]
    assert "alone" in parts.notices.of(PERSON)[0].text
    clock.advance(LIFETIME)
    assert 0 == parts.resets.alone_lately()


@pytest.mark.parametrize("meanwhile", ["day", "past", "left", "reset"])
def test_a_proposal_does_not_outlive_what_it_was_for(
    parts: StepUpParts, clock: SettableClock, meanwhile: str
) -> None:
    """A day, a clock that went back, a proposer who lost the role, another reset: it is proposed anew."""
    parts.resets.stand_for(PERSON, ANN)
    if meanwhile == "reset":
        parts.resets.alone(PERSON)
        parts.totp.set_demo_secret(PERSON, SEED)
    clock.advance({"day": LIFETIME, "past": -LIFETIME}.get(meanwhile, 0))
    assert not parts.resets.stand_for(PERSON, BOB, lambda other: meanwhile != "left")
    assert parts.totp.enrolled(PERSON)


def test_a_reset_written_into_the_database_is_none(
    parts: StepUpParts, engine: Engine, audit: Audit
) -> None:
    """A proposal in another's name does not verify; it is recorded."""
    parts.resets.stand_for(PERSON, BOB)
    with engine.begin() as connection:
        connection.execute(sa.update(resets).values(proposer=ANN))
    with pytest.raises(IntegrityError):
        parts.resets.stand_for(PERSON, BOB)
    assert (True, "tamper") == (parts.totp.enrolled(PERSON), audit.kinds[-1])


def test_nothing_is_reset_unrecorded(parts: StepUpParts, audit: Audit) -> None:
    """The entry is there first, or nothing happens."""
    parts.resets.stand_for(PERSON, ANN)
    audit.broken = "administration"
    for attempt in (
        lambda: parts.resets.stand_for(PERSON, BOB),
        lambda: parts.resets.alone(PERSON),
    ):
        with pytest.raises(OSError):
            attempt()
    assert parts.totp.enrolled(PERSON)
