"""Every word that a rule may use is supplied to both decisions of a turn, and is true."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Reply, Turn
from gatehouse.dialogue.understanding import as_texts, understood
from gatehouse.policy import PolicySet, Request
from gatehouse.runtime import Runtime
from tests.unit.dialogue.conftest import CONVERSATION, Desk
from tests.unit.dialogue.test_authorization import action_of, policy, said, tracker_of

RANKING = [
    {"name": "request_leave", "confidence": 0.75},
    {"name": "view_leave_balance", "confidence": 0.5},
    {"name": "greet", "confidence": 0.1},
]


class RequestLeave(GuardedAction):
    """Stands for the action that answers `request_leave`."""

    intent = "request_leave"
    name_ = "action_request_leave"

    def name(self) -> str:
        return self.name_

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Any]]:
        return "self", {"days": 3, "kind": "annual"}

    def perform(self, turn: Turn) -> Reply:
        return Reply.say("Done.")


RequestLeave.__module__ = "rasa_sdk.unregistered"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request that is decided."""
    found: list[Request] = []
    decide = PolicySet.decide

    def spy(self: PolicySet, request: Request) -> Any:
        found.append(request)
        return decide(self, request)

    monkeypatch.setattr(PolicySet, "decide", spy)
    return found


def write_rules(runtime: Runtime, rules: str) -> None:
    """Add rules to the deployment and put them in force."""
    path = runtime.settings.home / "policies" / "added.yml"
    path.write_text(f"version: 1\nowner: tests\nrules:\n{rules}", encoding="utf-8")
    assert runtime.policies.reload_if_changed()


ASKS_ABOUT_STATE = """\
  - id: about-state
    why: Three refusals are enough.
    effect: deny
    intents: [approve_leave]
    when: {refusals: {min: 3}, failed_codes: {min: 3}, served: [greet], slots: {topic: none}}
"""


def message(desk: Desk, intent: str, **slots: Any) -> Tracker:
    """What an action is called with, with a ranking and slots."""
    tracker = desk.tracker(intent, slots=slots)
    tracker.latest_message["intent"] = RANKING[0] | {"name": intent}
    tracker.latest_message["intent_ranking"] = RANKING
    return tracker


def act(action: GuardedAction, tracker: Tracker) -> list[dict[str, Any]]:
    dispatcher = CollectingDispatcher()
    asyncio.run(action.run(dispatcher, tracker, {}))
    return dispatcher.messages


def test_both_decisions_know_every_fact(
    desk: Desk, runtime: Runtime, domain: Domain, asked: list[Request]
) -> None:
    """No fact of the vocabulary is missing at either stage, and both stages see the same."""
    runtime.conversations.started(CONVERSATION, desk.person.id)
    write_rules(runtime, ASKS_ABOUT_STATE)
    asked.clear()  # the policy tests were decided too
    event = said("request_leave", desk.assertion(), intent_ranking=RANKING)
    event.intent["confidence"] = 0.75
    tracker = tracker_of(domain, SlotSet("topic", "none"), event)
    policy().predict_action_probabilities(tracker, domain)
    act(RequestLeave(), message(desk, "request_leave", topic="none", period=None))
    first, last = asked[0], asked[-1]
    assert ("intent", "resource") == (first.stage, last.stage)
    late = {"subject", "resource"}
    for request in (first, last):
        unknown = {field.name for field in fields(Request) if getattr(request, field.name) is None}
        # Without a code there is no age of one.
        assert {"aal_age"} | (late & {"subject"} if request is first else set()) == unknown
    same = ("channel", "network_zone", "aal", "confidence", "margin", "refusals", "failed_codes")
    for name in (*same, "served", "at", "principal"):
        assert getattr(first, name) == getattr(last, name), name
    assert (0.75, 0.25, 0, 0, frozenset()) == (
        first.confidence,
        first.margin,
        first.refusals,
        first.failed_codes,
        first.served,
    )
    assert ("none", "") == (last.slots["topic"], last.slots["period"])
    assert "none" == first.slots["topic"]
    assert {"days": 3, "kind": "annual"} == last.resource
    assert (desk.person.department, "employee") == (
        last.principal.department,
        last.principal.employment_type,
    )


def test_refusals_and_wrong_codes_are_counted(
    desk: Desk, runtime: Runtime, domain: Domain, asked: list[Request]
) -> None:
    """A refusal at either stage and a wrong code are facts of the next decision."""
    runtime.conversations.started(CONVERSATION, desk.person.id)
    write_rules(runtime, ASKS_ABOUT_STATE)
    policy().predict_action_probabilities(
        tracker_of(domain, said("view_colleague_salary", desk.assertion())), domain
    )

    class OfOthers(RequestLeave):
        def subject(self, turn: Turn) -> tuple[str, Mapping[str, Any]]:
            return "anyone", {}

    OfOthers.__module__ = "rasa_sdk.unregistered"
    act(OfOthers(), message(desk, "request_leave"))
    runtime.step_up.request(
        person_id=desk.person.id,
        session_id="5e55107" * 4,
        conversation_id=CONVERSATION,
        intent="view_salary",
        values={},
        prompt="show your salary",
        resume=_resume(),
    )
    pending = runtime.step_up.pending(CONVERSATION)
    assert pending is not None
    with pytest.raises(Exception, match="code"):
        runtime.step_up.answer(pending.id, pending.session_id, CONVERSATION, "000000")
    act(RequestLeave(), message(desk, "request_leave"))
    assert (2, 1, frozenset()) == (asked[-1].refusals, asked[-1].failed_codes, asked[-1].served)
    desk.clock.advance(3601)
    act(RequestLeave(), message(desk, "request_leave"))
    assert (0, 0, frozenset({"request_leave"})) == (
        asked[-1].refusals,
        asked[-1].failed_codes,
        asked[-1].served,
    )


def _resume() -> Any:
    from gatehouse.stepup import Resume

    return Resume("intent", "view_salary", (), "salary")


def test_served_is_what_was_carried_out(desk: Desk, runtime: Runtime, domain: Domain) -> None:
    """A preview is not a served request, nor is a refused one; a plain answer is, once it is allowed."""
    runtime.conversations.started(CONVERSATION, desk.person.id)

    class Preview(RequestLeave):
        name_ = "action_ask_request_leave_form_confirmed"

    Preview.__module__ = "rasa_sdk.unregistered"
    act(Preview(), message(desk, "request_leave"))
    predict = policy().predict_action_probabilities
    for intent in ("view_colleague_salary", "request_leave", "view_leave_balance"):
        predict(tracker_of(domain, said(intent, desk.assertion())), domain)
    assert frozenset() == runtime.state.facts(CONVERSATION).served
    predict(tracker_of(domain, said("greet", desk.assertion())), domain)
    act(RequestLeave(), message(desk, "request_leave"))
    assert frozenset({"greet", "request_leave"}) == runtime.state.facts(CONVERSATION).served


def test_a_rule_about_the_conversation_takes_effect(
    desk: Desk, runtime: Runtime, domain: Domain
) -> None:
    """After two refusals the desk refuses something that it allowed before."""
    runtime.conversations.started(CONVERSATION, desk.person.id)
    write_rules(
        runtime,
        "  - id: enough\n    why: Somebody is trying doors.\n    effect: deny\n"
        "    intents: [view_leave_balance]\n    when: {refusals: {min: 2}}\n"
        "    say: utter_refused_later\n",
    )
    predict = policy().predict_action_probabilities
    got = []
    for intent in ("view_leave_balance", "restart", "back", "view_leave_balance"):
        prediction = predict(tracker_of(domain, said(intent, desk.assertion())), domain)
        got.append(action_of(prediction, domain))
    assert [None, "utter_refused_command", "utter_refused_command", "utter_refused_later"] == got


def test_a_state_that_was_altered_opens_nothing(
    desk: Desk, runtime: Runtime, domain: Domain
) -> None:
    """With an altered state the rule that restricts applies, and the log says so."""
    runtime.conversations.started(CONVERSATION, desk.person.id)
    write_rules(
        runtime,
        "  - id: once\n    why: Once only.\n    effect: deny\n    intents: [view_leave_balance]\n"
        "    when: {served: [greet]}\n",
    )
    runtime.state.served(CONVERSATION, "thank")
    predict = policy().predict_action_probabilities
    got = []
    for alter in (False, True):
        if alter:
            with runtime.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE gh_conversation_state SET sealed = x'00'")
        event = said("view_leave_balance", desk.assertion())
        got.append(action_of(predict(tracker_of(domain, event), domain), domain))
    # It is refused; what says so cannot be counted, so the refusal has no reason of its own.
    assert [None, "utter_refused_unavailable"] == got
    assert any('"kind":"tamper"' in entry.body for entry in runtime.audit.entries())


def test_slots_become_texts() -> None:
    """Unset is empty, a truth value and a number are written as in a policy, a list is not known."""
    assert {"a": "x", "b": "", "c": "true", "d": "3", "e": "0.5"} == as_texts(
        {"a": "x", "b": None, "c": True, "d": 3, "e": 0.5, "f": ["x"], "g": {}}
    )


@pytest.mark.parametrize(
    ("confidence", "ranking", "margin"),
    [
        (0.75, RANKING, 0.25),
        (0.75, [RANKING[0]], 0.75),
        (0.75, [], 0.75),
        (0.75, None, None),
        (None, RANKING, None),
        (True, RANKING, None),
        (0.4, RANKING, 0.0),
        (0.75, ["x", {}, {"name": "x"}, {"name": "y", "confidence": "1"}], 0.75),
    ],
)
def test_the_margin(confidence: Any, ranking: Any, margin: float | None) -> None:
    """The lead over the best other meaning; not known without a ranking or a confidence."""
    intent = {"name": "request_leave", "confidence": confidence}
    assert margin == understood(intent, ranking, {}).margin
