"""Using a grant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gatehouse.stepup import Grant, GrantRefused
from gatehouse.stepup.grants import GRANT_SECONDS
from gatehouse.stepup.schema import grants

from .conftest import CONVERSATION, RESUME, VALUES, Desk


@pytest.fixture
def grant(desk: Desk) -> Grant:
    return desk.answer(desk.ask(), desk.code())


def reason_against(desk: Desk, grant: Grant, **changes: Any) -> str:
    with pytest.raises(GrantRefused) as refused:
        desk.redeem(grant, **changes)
    return refused.value.reason


def test_a_grant_covers_what_was_approved(desk: Desk, grant: Grant) -> None:
    """Same person, session, conversation, intent and values: redeemed, and recorded."""
    assert grant == desk.redeem(grant)
    assert "step_up_redeemed" == desk.audit.kinds[-1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"person_id": "p-ffffffffffff"}, "person"),
        ({"session_id": "6" * 32}, "session"),
        ({"conversation_id": "d" * 32}, "conversation"),
        ({"intent": "view_salary"}, "intent"),
        ({"values": {"period": "September 2026"}}, "values"),
        ({"values": {"period": "october 2026"}}, "values"),
        ({"values": {}}, "values"),
        ({"values": {**VALUES, "person": "Marco Silva"}}, "values"),
    ],
)
def test_a_grant_covers_nothing_else(
    desk: Desk, grant: Grant, change: dict[str, Any], reason: str
) -> None:
    """One changed thing and the grant is refused, recorded, and still good for the right thing."""
    assert reason == reason_against(desk, grant, **change)
    assert ("step_up_refused", reason) == (
        desk.audit.kinds[-1],
        desk.audit.entries[-1][1]["reason"],
    )
    assert grant == desk.redeem(grant)


@hypothesis_settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_no_other_values_are_covered(desk: Desk, values: dict[str, str]) -> None:
    """Whatever other values are presented, the grant does not cover them."""
    desk.clock.advance(30)
    grant = desk.answer(desk.ask(), desk.code())
    if values != VALUES:
        assert "values" == reason_against(desk, grant, values=values)
    assert grant == desk.redeem(grant)


def test_the_first_message_owns_a_grant(desk: Desk, grant: Grant) -> None:
    """The dialogue policy and the action redeem with one message; any other comes too late."""
    assert grant == desk.redeem(grant, values=None)
    assert grant == desk.redeem(grant)
    assert "used" == reason_against(desk, grant, message_id="m-2")
    assert "used" == reason_against(desk, grant, message_id="m-2", values=None)
    assert "used" == reason_against(desk, grant, message_id="")
    assert grant == desk.redeem(grant)


def test_asking_for_the_intent_does_not_cover_other_values(desk: Desk, grant: Grant) -> None:
    """A check at the level of the intent does not soften the one with values."""
    desk.redeem(grant, values=None)
    assert "values" == reason_against(desk, grant, values={"period": "May 2026"})
    assert "intent" == reason_against(desk, grant, values=None, intent="view_salary")


def test_a_grant_expires(desk: Desk, grant: Grant) -> None:
    """To the second, also for the message that used it, and the clock cannot bring it back."""
    desk.clock.advance(GRANT_SECONDS - 1)
    assert grant == desk.redeem(grant)
    desk.clock.advance(1)
    assert "expired" == reason_against(desk, grant)
    desk.clock.advance(-GRANT_SECONDS)
    assert "unknown" == reason_against(desk, grant)


def test_a_grant_from_the_future_is_over(desk: Desk, grant: Grant) -> None:
    """A clock that fell far behind ends a grant instead of prolonging it."""
    desk.clock.advance(-61)
    assert "expired" == reason_against(desk, grant)


@pytest.mark.parametrize("grant_id", ["", "0" * 32, "' OR 1=1", "x" * 5000])
def test_made_up_grants_are_unknown(desk: Desk, grant: Grant, grant_id: str) -> None:
    """No grant can be guessed or injected."""
    made_up = Grant(grant_id, "view_payslip", VALUES, RESUME, "", 0.0, 0.0, "")
    assert "unknown" == reason_against(desk, made_up)


def test_a_challenge_id_is_no_grant(desk: Desk) -> None:
    """What the browser knows while it waits cannot be redeemed."""
    challenge = desk.ask()
    made_up = Grant(challenge.id, "view_payslip", VALUES, RESUME, "", 0.0, 0.0, "")
    assert "unknown" == reason_against(desk, made_up)


@pytest.mark.parametrize(
    "change",
    [
        {"person_tag": "0" * 64},
        {"binding": "0" * 64},
        {"expires_at": 2e9},
        {"granted_at": 1_800_000_001.0},
        {"sealed": b""},
    ],
)
def test_an_edited_grant_is_refused(desk: Desk, grant: Grant, change: dict[str, Any]) -> None:
    """Whoever can write the table cannot prolong a grant or change what it covers."""
    with desk.engine.begin() as connection:
        connection.execute(grants.update().values(**change))
    assert "tampered" == reason_against(desk, grant)


def test_a_grant_says_how_to_go_on(desk: Desk, grant: Grant) -> None:
    """In its own conversation, while it lasts, and without being used up."""
    assert RESUME == desk.step_up.resume_of(grant.id, CONVERSATION)
    assert desk.step_up.resume_of(grant.id, "d" * 32) is None
    assert desk.step_up.resume_of("0" * 32, CONVERSATION) is None
    assert grant == desk.redeem(grant)
    desk.clock.advance(GRANT_SECONDS)
    assert desk.step_up.resume_of(grant.id, CONVERSATION) is None


def test_a_forgotten_session_has_no_grants(desk: Desk, grant: Grant) -> None:
    """After sign-out a grant that was not used is gone."""
    desk.step_up.forget_session("5" * 32)
    assert "unknown" == reason_against(desk, grant)


def test_each_good_code_gives_one_grant_with_its_own_id(desk: Desk, grant: Grant) -> None:
    """Approving the same request again gives another grant."""
    desk.clock.advance(30)
    again = desk.answer(desk.ask(), desk.code())
    assert 2 == len({grant.id, again.id})
    assert [grant, again] == [desk.redeem(grant), desk.redeem(again, message_id="m-2")]
