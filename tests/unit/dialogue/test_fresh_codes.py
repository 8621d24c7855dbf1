"""A code counts for as long as the rule says: for the same request, in the same session, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from rasa_sdk import Tracker

from gatehouse.dialogue import admissions
from gatehouse.dialogue.turn import Reply, Turn
from gatehouse.runtime import Runtime
from gatehouse.state.schema import states
from tests.unit.dialogue.conftest import CONVERSATION, Desk
from tests.unit.dialogue.test_guarded import Payslip, Rehearsed, run, spoken, unregistered

MAX_AGE = 300.0  # of the rule own-salary


@unregistered
class Salary(Rehearsed):
    """Its rule asks for a code that is at most five minutes old."""

    intent = "view_salary"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "show the salary"

    def perform(self, turn: Turn) -> Reply:
        return Reply.say("salary")


@unregistered
class Withholding(Salary):
    """Of the same rule."""

    intent = "view_tax_withholding"


@pytest.fixture
def confirmed(desk: Desk, runtime: Runtime) -> Desk:
    """A person who gave a code for the salary just now."""
    runtime.conversations.started(CONVERSATION, desk.person.id)
    asked, _ = run(Salary(), desk.tracker("view_salary"))
    assert "please confirm" in spoken(asked)[0]
    shown, _ = run(Salary(), desk.tracker("view_salary", grant=desk.answer_challenge()))
    assert ["salary"] == spoken(shown)
    return desk


def answer(desk: Desk, action: Any, tracker: Tracker | None = None) -> str:
    messages, _ = run(action, tracker or desk.tracker(action.intent))
    return spoken(messages)[0]


def test_a_recent_code_counts_for_the_same_request(confirmed: Desk, runtime: Runtime) -> None:
    """Until it is as old as the rule says, and not longer for being used again."""
    assert "salary" == answer(confirmed, Salary())
    confirmed.clock.advance(MAX_AGE - 60)
    assert "salary" == answer(confirmed, Salary())
    confirmed.clock.advance(60)
    assert "please confirm" in answer(confirmed, Salary())


def test_it_counts_for_no_other_request(confirmed: Desk) -> None:
    """Neither for another one of the same rule, nor for one that binds values."""
    month = [{"entity": "period", "value": "May 2026"}]
    assert "please confirm" in answer(confirmed, Withholding())
    for _ in range(2):
        payslip = confirmed.tracker("view_payslip", entities=month)
        assert "please confirm" in answer(confirmed, Payslip(), payslip)
        grant = confirmed.answer_challenge()
        shown = confirmed.tracker("view_payslip", entities=month, grant=grant)
        assert "payslip of May 2026" == answer(confirmed, Payslip(), shown)


def test_it_counts_no_more_once_an_authenticator_was_removed(
    confirmed: Desk, runtime: Runtime
) -> None:
    """Whoever removes a phone that is lost may do so because somebody else has it; one more is no harm."""
    mine = confirmed.person.id
    second = runtime.totp.enrol(mine, "erin.walsh", name="Tablet")
    code = pyotp.TOTP(second.secret).at(int(confirmed.clock.now()))
    runtime.totp.confirm(mine, code, identity=second.id)
    assert "salary" == answer(confirmed, Salary())
    first = next(one for one in runtime.factors.authenticators.of(mine) if one.id != second.id)
    assert runtime.factors.authenticators.remove(mine, first.id)
    assert "please confirm" in answer(confirmed, Salary())


def test_it_counts_in_no_other_session_or_conversation(
    confirmed: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who signs in again is asked again, as is another conversation."""
    other = "0ddc0ffe" * 4
    runtime.conversations.started(other, confirmed.person.id)
    token = confirmed.assertion(conversation=other)
    admissions.note(token, "view_salary", [])
    tracker = confirmed.tracker("view_salary", assertion=token, conversation=other)
    assert "please confirm" in answer(confirmed, Salary(), tracker)
    issue = runtime.issuer.issue
    monkeypatch.setattr(
        runtime.issuer, "issue", lambda **facts: issue(**{**facts, "session_id": "0dd5e551" * 4})
    )
    assert "please confirm" in answer(confirmed, Salary())


def test_a_clock_that_goes_back_makes_no_code_recent(confirmed: Desk) -> None:
    """A code from the future is none."""
    confirmed.clock.advance(-3600)
    assert "please confirm" in answer(confirmed, Salary())


def test_nobody_writes_a_code_into_the_database(confirmed: Desk, runtime: Runtime) -> None:
    """An altered row is found, recorded, and counts for nothing."""
    with runtime.engine.begin() as connection:
        sealed = connection.execute(sa.select(states.c.sealed)).scalar_one()
        altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
        connection.execute(states.update().values(sealed=altered))
    assert "salary" != answer(confirmed, Salary())


def test_a_stricter_rule_counts_at_once(confirmed: Desk, runtime: Runtime) -> None:
    """An edit that asks every time, or for more, is not met by what was given before."""
    path = runtime.settings.path("policies") / "pay.yml"
    text = path.read_text(encoding="utf-8")
    edited = text.replace("max_age: 5m}", "max_age: every_request}", 1)
    assert edited != text
    path.write_text(edited, encoding="utf-8")
    assert runtime.policies.reload_if_changed()
    assert "please confirm" in answer(confirmed, Salary())
