"""Nothing takes effect that could not be recorded."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gatehouse.stepup import ChallengeRefused, Grant, StepUp, StepUpUnavailable
from gatehouse.stepup.schema import challenges, grants

from .conftest import CONVERSATION, KEY, PERSON, SESSION, SETTINGS, Desk


def rows(desk: Desk, table: sa.Table) -> int:
    with desk.engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(table)
        return int(connection.execute(counted).scalar_one())


def test_every_step_leaves_its_entry(desk: Desk) -> None:
    """From the request to its use, in order, each with person, conversation and intent."""
    challenge = desk.ask()
    with pytest.raises(ChallengeRefused):
        desk.answer(challenge, desk.wrong())
    desk.redeem(desk.answer(challenge, desk.code()))
    expected = ["step_up_requested", "step_up_failed", "step_up_passed", "step_up_redeemed"]
    assert expected == desk.audit.kinds
    named = {(f["person"], f["conversation"], f["intent"]) for _, f in desk.audit.entries}
    assert {(PERSON, CONVERSATION, "view_payslip")} == named
    assert 1 == len({facts["request"] for _, facts in desk.audit.entries})


def test_the_entry_is_durable_before_the_grant_exists(desk: Desk) -> None:
    """At the moment of writing "passed" there is no grant yet."""
    seen: dict[str, int] = {}
    desk.audit.watch = lambda kind: seen.update({kind: rows(desk, grants)})
    challenge = desk.ask()
    desk.answer(challenge, desk.code())
    assert ({"step_up_requested": 0, "step_up_passed": 0}, 1) == (seen, rows(desk, grants))


def test_the_entry_is_durable_before_the_challenge_waits(desk: Desk) -> None:
    """At the moment of writing "requested" nothing waits yet."""
    seen: dict[str, int] = {}
    desk.audit.watch = lambda kind: seen.update({kind: rows(desk, challenges)})
    desk.ask()
    assert {"step_up_requested": 0} == seen


def test_an_unrecorded_request_does_not_wait(desk: Desk) -> None:
    """When the log is full the request is refused in words, and one that waits goes on waiting."""
    waiting = desk.ask()
    desk.audit.broken = "step_up_requested"
    with pytest.raises(StepUpUnavailable, match="cannot be recorded"):
        desk.ask(intent="view_salary")
    assert waiting == desk.step_up.pending(CONVERSATION)


def test_an_unrecorded_success_gives_no_grant(desk: Desk) -> None:
    """A good code without its entry is used up and opens nothing, then or later."""
    challenge = desk.ask()
    desk.audit.broken = "step_up_passed"
    with pytest.raises(StepUpUnavailable):
        desk.answer(challenge, desk.code())
    assert 0 == rows(desk, grants)
    desk.audit.broken = None
    with pytest.raises(ChallengeRefused):
        desk.answer(challenge, desk.code())
    with pytest.raises(ChallengeRefused):
        desk.answer(desk.ask(), desk.code())
    assert 0 == rows(desk, grants)


def test_an_unrecorded_failure_is_still_counted(desk: Desk) -> None:
    """Breaking the log does not give free guesses."""
    challenge = desk.ask()
    desk.audit.broken = "step_up_failed"
    with pytest.raises(StepUpUnavailable):
        desk.answer(challenge, desk.wrong())
    waiting = desk.step_up.pending(CONVERSATION)
    assert waiting is not None and waiting.attempts_left == 4


def test_an_unrecorded_use_is_no_use(desk: Desk) -> None:
    """A grant whose use cannot be recorded does not open anything."""
    grant = desk.answer(desk.ask(), desk.code())
    desk.audit.broken = "step_up_redeemed"
    with pytest.raises(StepUpUnavailable):
        desk.redeem(grant)
    desk.audit.broken = None
    assert grant == desk.redeem(grant)


def test_cancelling_takes_effect_even_unrecorded(desk: Desk) -> None:
    """Stopping is always safe: it happens, and the failure of the log is reported."""
    challenge = desk.ask()
    desk.audit.broken = "step_up_cancelled"
    with pytest.raises(StepUpUnavailable):
        desk.step_up.cancel(challenge.id, SESSION, CONVERSATION)
    assert desk.step_up.pending(CONVERSATION) is None


def test_too_many_codes_are_recorded_as_a_cancellation(desk: Desk) -> None:
    """The last wrong code leaves two entries: the failure and the end of the request."""
    challenge = desk.ask()
    for number in range(5):
        with pytest.raises(ChallengeRefused):
            desk.answer(challenge, desk.wrong(number))
        desk.clock.advance(8)
    assert ["step_up_failed", "step_up_cancelled"] == desk.audit.kinds[-2:]
    assert "too_many" == desk.audit.entries[-1][1]["reason"]


def test_recording_is_optional(desk: Desk) -> None:
    """Without a log, as in a rehearsal, the same calls work."""
    quiet = StepUp(desk.engine, desk.clock, SETTINGS, KEY, desk.totp)
    fields: dict[str, Any] = {"person_id": PERSON, "session_id": SESSION}
    fields |= {"conversation_id": CONVERSATION, "intent": "view_salary", "values": {}}
    challenge = quiet.request(**fields, prompt="show your salary", resume=desk.ask().resume)
    grant: Grant = quiet.answer(challenge.id, SESSION, CONVERSATION, desk.code())
    assert grant == quiet.redeem(grant.id, **fields, message_id="m-1")
