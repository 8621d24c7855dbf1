"""A guarded action performs for nobody but a verified, authorized person, and says so first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from gatehouse.dialogue.guarded import GuardedAction, PureForm
from gatehouse.dialogue.step_up_action import RequestStepUp
from gatehouse.dialogue.turn import Ask, Reply, Turn
from gatehouse.runtime import Runtime
from tests.unit.dialogue.conftest import CONVERSATION, Desk


def unregistered(kind: type[GuardedAction]) -> type[GuardedAction]:
    """Keep rasa-sdk, which registers every subclass it can find, from finding `kind` in other tests."""
    kind.__module__ = "rasa_sdk.unregistered"
    return kind


class Rehearsed(GuardedAction):
    """An action of this module; named so that no request of the assistant finds it."""

    def name(self) -> str:
        return "action_of_a_test"


@unregistered
class Balance(Rehearsed):
    """Needs no code."""

    intent = "view_leave_balance"
    performed = 0

    def perform(self, turn: Turn) -> Reply:
        Balance.performed += 1
        return Reply.say("15 days", slots={"period": None})


@unregistered
class Payslip(Rehearsed):
    """Needs a code bound to a month."""

    intent = "view_payslip"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        period = turn.entity("period") or turn.slots.get("period")
        if not period:
            raise Ask("Which month?")
        return {"period": str(period)}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"show the payslip of {values['period']}"

    def perform(self, turn: Turn) -> Reply:
        return Reply.say(f"payslip of {turn.values['period']}")


@unregistered
class TeamLeave(Rehearsed):
    """For managers, about their team only."""

    intent = "approve_leave"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Any]]:
        return ("team" if turn.slots.get("mine") else "anyone"), {}

    def perform(self, turn: Turn) -> Reply:
        return Reply.say("approved")


@unregistered
class Broken(Balance):
    """Fails in the back end."""

    def perform(self, turn: Turn) -> Reply:
        raise RuntimeError("MARKED-SECRET of a person")


@pytest.fixture(autouse=True)
def _unregistered() -> None:
    Balance.performed = 0


def run(action: Any, tracker: Tracker) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    dispatcher = CollectingDispatcher()
    events = asyncio.run(action.run(dispatcher, tracker, {}))
    return dispatcher.messages, events


def spoken(messages: list[dict[str, Any]]) -> list[str]:
    return [message.get("response") or message.get("text") or "" for message in messages]


def decisions(runtime: Runtime) -> list[dict[str, Any]]:
    bodies = [json.loads(entry.body) for entry in runtime.audit.entries()]
    return [body for body in bodies if body["kind"] == "decision"]


def test_allowed_action_is_recorded_and_performed(desk: Desk, runtime: Runtime) -> None:
    """An allowed action answers, sets its slots, and its decision is in the log."""
    messages, events = run(Balance(), desk.tracker("view_leave_balance"))
    assert ["15 days"] == spoken(messages)
    assert [("period", None)] == [(event["name"], event["value"]) for event in events]
    entry = decisions(runtime)[-1]
    assert ("view_leave_balance", "resource", "allow") == (
        entry["intent"],
        entry["stage"],
        entry["effect"],
    )


@pytest.mark.parametrize("token", [None, "", "x.y.z", {"a": 1}, 5])
def test_nobody_without_an_assertion(desk: Desk, runtime: Runtime, token: object) -> None:
    """Without a genuine assertion the action does not perform, and the refusal is recorded."""
    messages, events = run(Balance(), desk.tracker("view_leave_balance", assertion=token))
    assert (["utter_refused_not_signed_in"], []) == (spoken(messages), events)
    assert 0 == Balance.performed
    kinds = [json.loads(entry.body)["kind"] for entry in runtime.audit.entries()]
    assert "assertion_refused" == kinds[-1]


def test_stale_and_transplanted_assertions_are_refused(desk: Desk) -> None:
    """An assertion is good for its own conversation and for one minute."""
    foreign = desk.assertion(conversation="f" * 32)
    stale = desk.assertion()
    desk.clock.advance(61)
    for token in (foreign, stale):
        messages, _ = run(Balance(), desk.tracker("view_leave_balance", assertion=token))
        assert ["utter_refused_not_signed_in"] == spoken(messages)
    assert 0 == Balance.performed


def test_no_audit_entry_no_action(desk: Desk, runtime: Runtime) -> None:
    """When the log cannot be written the action does not perform."""
    tracker = desk.tracker("view_leave_balance")
    with runtime.audit.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE gh_audit RENAME TO elsewhere"))
    messages, _ = run(Balance(), tracker)
    assert ["utter_refused_unavailable"] == spoken(messages)
    assert 0 == Balance.performed


def test_denied_role_hears_the_rule(desk_of: Callable[..., Desk]) -> None:
    """A contractor is refused an employee's request in the words of the rule."""
    messages, _ = run(Payslip(), desk_of("contractor").tracker("view_payslip"))
    assert [True] == [text.startswith("utter_refused_") for text in spoken(messages)]


def test_step_up_then_the_same_request(desk: Desk, runtime: Runtime) -> None:
    """A request that needs a code asks for it, and performs with the grant of that code."""
    month = [{"entity": "period", "value": "May 2026"}]
    messages, _ = run(Payslip(), desk.tracker("view_payslip", entities=month))
    assert "show the payslip of May 2026" in spoken(messages)[0]
    pending = runtime.step_up.pending(CONVERSATION)
    assert pending is not None
    assert {"period": "May 2026"} == dict(pending.values)
    grant = desk.answer_challenge()
    messages, _ = run(Payslip(), desk.tracker("view_payslip", entities=month, grant=grant))
    assert ["payslip of May 2026"] == spoken(messages)


def test_changed_value_voids_the_grant(desk: Desk) -> None:
    """The grant for one month does not open another."""
    run(
        Payslip(),
        desk.tracker("view_payslip", entities=[{"entity": "period", "value": "May 2026"}]),
    )
    grant = desk.answer_challenge()
    april = [{"entity": "period", "value": "April 2026"}]
    messages, _ = run(Payslip(), desk.tracker("view_payslip", entities=april, grant=grant))
    assert "payslip of April 2026" not in spoken(messages)


def test_grant_works_for_one_message(desk: Desk) -> None:
    """A grant that a message used is refused to the next one."""
    month = [{"entity": "period", "value": "May 2026"}]
    run(Payslip(), desk.tracker("view_payslip", entities=month))
    grant = desk.answer_challenge()
    first, _ = run(Payslip(), desk.tracker("view_payslip", entities=month, grant=grant))
    second, _ = run(Payslip(), desk.tracker("view_payslip", entities=month, grant=grant))
    assert ["payslip of May 2026"] == spoken(first)
    assert ["payslip of May 2026"] != spoken(second)


def test_without_authenticator_it_says_so(desk_of: Callable[..., Desk]) -> None:
    """A person without a second factor is told so instead of being asked for a code."""
    desk = desk_of("employee")
    month = [{"entity": "period", "value": "May 2026"}]
    messages, _ = run(Payslip(), desk.tracker("view_payslip", entities=month))
    assert ["utter_refused_no_second_factor"] == spoken(messages)


def test_unclear_request_is_asked_back(desk: Desk, runtime: Runtime) -> None:
    """An action that needs more asks, and nothing waits for a code."""
    messages, _ = run(Payslip(), desk.tracker("view_payslip"))
    assert ["Which month?"] == spoken(messages)
    assert runtime.step_up.pending(CONVERSATION) is None


def test_unclear_request_is_not_asked_back_from_the_unauthorized(
    desk_of: Callable[..., Desk],
) -> None:
    """Who may not ask at all is refused before the request is looked into."""
    messages, _ = run(Payslip(), desk_of("auditor").tracker("view_payslip"))
    assert [True] == [text.startswith("utter_refused_") for text in spoken(messages)]


def test_resource_decides(desk_of: Callable[..., Desk]) -> None:
    """A manager may approve for the own team and is refused for anyone else's."""
    desk = desk_of("employee", "manager")
    mine, _ = run(TeamLeave(), desk.tracker("approve_leave", slots={"mine": True}))
    others, _ = run(TeamLeave(), desk.tracker("approve_leave"))
    assert ["approved"] == spoken(mine)
    assert [True] == [text.startswith("utter_refused_") for text in spoken(others)]


def test_failure_is_polite_and_says_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the back end reaches neither the person nor the log with its text."""
    messages, _ = run(Broken(), desk.tracker("view_leave_balance"))
    assert ["utter_refused_unavailable"] == spoken(messages)
    assert "MARKED-SECRET" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_request_step_up_never_performs(desk: Desk, runtime: Runtime) -> None:
    """The action that asks for a code opens a challenge and shows nothing of the record."""
    tracker = desk.tracker("view_salary")
    messages, _ = run(RequestStepUp(), tracker)
    assert "authenticator" in spoken(messages)[0]
    assert runtime.step_up.pending(CONVERSATION) is not None


def test_form_validation_verifies_too(desk: Desk) -> None:
    """A form validation called without an assertion validates nothing and forgets the value."""

    class Form(PureForm):
        __module__ = "rasa_sdk.unregistered"

        def name(self) -> str:
            return "validate_change_address_form"

    tracker = desk.tracker("inform", assertion="forged", slots={"requested_slot": "street"})
    messages, events = run(Form(), tracker)
    assert ["utter_refused_not_signed_in"] == spoken(messages)
    assert [("street", None)] == [(event["name"], event["value"]) for event in events]


def test_request_step_up_refuses_the_unauthorized(desk_of: Callable[..., Desk]) -> None:
    """Who may not ask is refused instead of being asked for a code."""
    messages, _ = run(RequestStepUp(), desk_of("auditor").tracker("view_payslip"))
    assert [True] == [text.startswith("utter_refused_") for text in spoken(messages)]


def test_request_step_up_for_a_doubtful_message_does_not_answer_it(
    desk: Desk, runtime: Runtime
) -> None:
    """Asked for because a protected intent was close behind, it opens a challenge and shows nothing."""
    messages, _ = run(RequestStepUp(), desk.tracker("greet"))
    assert "authenticator" in spoken(messages)[0]
    assert runtime.step_up.pending(CONVERSATION) is not None
