"""The dialogue policy stops every intent that the rules do not allow, forms included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rasa.core.policies.ensemble import DefaultPolicyPredictionEnsemble
from rasa.core.policies.policy import PolicyPrediction
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.dialogue import gate
from gatehouse.dialogue.authorization import IntentAuthorizationPolicy
from gatehouse.dialogue.rounds import MOST
from gatehouse.identity import METADATA_KEY
from gatehouse.runtime import Runtime
from tests.unit.dialogue.conftest import CONVERSATION, Desk


def policy() -> IntentAuthorizationPolicy:
    config = IntentAuthorizationPolicy.get_default_config()
    context = ExecutionContext(GraphSchema({}))
    return IntentAuthorizationPolicy(config, None, Resource("authorization"), context)


def tracker_of(domain: Domain, *events: Event) -> DialogueStateTracker:
    return DialogueStateTracker.from_events(
        CONVERSATION, [ActionExecuted("action_listen"), *events], domain.slots, domain=domain
    )


def said(intent: str, token: object, **parse_data: Any) -> UserUttered:
    return UserUttered(
        "words",
        intent={"name": intent, "confidence": 0.97},
        parse_data={"intent": {"name": intent, "confidence": 0.97}, **parse_data},
        metadata={METADATA_KEY: token},
    )


def predict(domain: Domain, *events: Event) -> PolicyPrediction:
    return policy().predict_action_probabilities(tracker_of(domain, *events), domain)


def action_of(prediction: PolicyPrediction, domain: Domain) -> str | None:
    if prediction.max_confidence == 0:
        return None
    index = prediction.max_confidence_index
    return str(domain.action_names_or_texts[index])


def test_abstains_when_allowed(desk: Desk, domain: Domain) -> None:
    """An allowed intent is left to the other policies."""
    prediction = predict(domain, said("view_leave_balance", desk.assertion()))
    assert action_of(prediction, domain) is None


@pytest.mark.parametrize("token", [None, "x.y.z", {"a": 1}])
def test_refuses_everybody_without_an_assertion(
    runtime: Runtime, domain: Domain, token: object
) -> None:
    """Without a genuine assertion even a greeting is refused."""
    prediction = predict(domain, said("greet", token))
    assert "utter_refused_not_signed_in" == action_of(prediction, domain)


def test_denied_intent_speaks_the_rule(desk: Desk, domain: Domain) -> None:
    """A denied intent is answered with the response that the rule names."""
    prediction = predict(domain, said("view_colleague_salary", desk.assertion()))
    assert "utter_refused_colleague_salary" == action_of(prediction, domain)


def test_a_turn_that_goes_in_circles_is_ended(desk: Desk, domain: Domain) -> None:
    """One message that is said again and again by the dialogue itself is answered no more."""
    message = said("view_leave_balance", desk.assertion())
    rounds = [action_of(predict(domain, message), domain) for _ in range(MOST + 1)]
    assert [*[None] * MOST, "action_listen"] == rounds
    fresh = said("view_leave_balance", desk.assertion())
    assert action_of(predict(domain, fresh), domain) is None


def test_a_refusal_closes_the_question_what_was_meant(desk: Desk, domain: Domain) -> None:
    """After "Do you mean …?" and a refusal the question is closed, then it is the person's turn."""
    turn: list[Event] = [
        said("nlu_fallback", desk.assertion()),
        ActionExecuted("action_two_stage_fallback"),
        ActiveLoop("action_two_stage_fallback"),
        ActionExecuted("action_listen"),
        said("view_colleague_salary", desk.assertion()),
    ]
    spoken = []
    while not spoken or spoken[-1] != "action_listen":
        spoken.append(action_of(predict(domain, *turn), domain) or "abstained")
        turn.append(ActionExecuted(spoken[-1]))
        if spoken[-1] == "action_deactivate_loop":
            turn.append(ActiveLoop(None))
    assert ["utter_refused_colleague_salary", "action_deactivate_loop", "action_listen"] == spoken


def test_step_up_is_requested(desk: Desk, domain: Domain) -> None:
    """An intent that needs a code leads to the action that asks for it."""
    prediction = predict(domain, said("view_salary", desk.assertion()))
    assert "action_request_step_up" == action_of(prediction, domain)


def test_form_may_collect_before_its_code(desk: Desk, domain: Domain) -> None:
    """An intent whose rule asks at confirmation may start its form without a code."""
    prediction = predict(domain, said("change_bank_account", desk.assertion()))
    assert action_of(prediction, domain) is None


def test_refusal_wins_inside_a_form(desk_of: Callable[..., Desk], domain: Domain) -> None:
    """A refusal beats the no-user prediction by which RulePolicy continues a form."""
    desk = desk_of("employee")
    events = (ActiveLoop("request_leave_form"), said("view_colleague_salary", desk.assertion()))
    ours = predict(domain, *events)
    happy_path = PolicyPrediction.for_action_name(domain, "request_leave_form", "RulePolicy", 1.0)
    happy_path.policy_priority = (6,)
    happy_path.is_no_user_prediction = True
    ours.policy_priority = (100,)
    ensemble = DefaultPolicyPredictionEnsemble()
    winner = ensemble.combine_predictions([happy_path, ours], tracker_of(domain, *events), domain)
    assert "utter_refused_colleague_salary" == action_of(winner, domain)


@pytest.mark.parametrize("action", ["utter_refused_default", "action_request_step_up"])
def test_listens_after_its_own_action(desk: Desk, domain: Domain, action: str) -> None:
    """After a refusal or a request for a code the turn is over."""
    events = (said("view_salary", desk.assertion()), ActionExecuted(action))
    assert "action_listen" == action_of(predict(domain, *events), domain)


def test_resume_without_a_grant_is_refused(desk: Desk, domain: Domain) -> None:
    """`resume_request` without a grant resumes nothing."""
    prediction = predict(domain, said("resume_request", desk.assertion()))
    assert "utter_refused_default" == action_of(prediction, domain)


@pytest.mark.parametrize("intent", ["restart", "back", "session_start"])
def test_commands_of_the_framework_are_refused(desk: Desk, domain: Domain, intent: str) -> None:
    """Rasa's own intents, which reset a conversation, are refused."""
    name = action_of(predict(domain, said(intent, desk.assertion())), domain)
    assert name is not None
    assert name.startswith("utter_refused_")


def test_intent_that_nobody_knows_is_refused(desk: Desk, domain: Domain) -> None:
    """An intent that the policies do not cover is refused."""
    name = action_of(predict(domain, said("invented_intent", desk.assertion())), domain)
    assert name is not None
    assert name.startswith("utter_refused_")


def test_message_without_intent_is_refused(desk: Desk, domain: Domain) -> None:
    """A message that was not understood at all is refused, not passed on."""
    message = UserUttered("words", intent={}, metadata={METADATA_KEY: desk.assertion()})
    assert "utter_refused_default" == action_of(predict(domain, message), domain)


def test_failing_decision_is_a_refusal(
    desk: Desk, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the decision cannot be made the answer is no."""

    class Failing:
        def admit(self, request: gate.GateRequest) -> gate.Verdict:
            raise RuntimeError("MARKED-SECRET")

    monkeypatch.setattr(gate, "_gate", Failing())
    prediction = predict(domain, said("greet", desk.assertion()))
    assert "utter_refused_unavailable" == action_of(prediction, domain)


def test_missing_response_still_refuses(
    desk: Desk, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that speaks a response the model does not have refuses with the default one."""

    class Ahead:
        def admit(self, request: gate.GateRequest) -> gate.Verdict:
            return gate.Verdict("deny", "utter_refused_added_after_training")

    monkeypatch.setattr(gate, "_gate", Ahead())
    prediction = predict(domain, said("greet", desk.assertion()))
    assert "utter_refused_default" == action_of(prediction, domain)


def test_protected_runner_up_decides(desk: Desk, domain: Domain) -> None:
    """A public winner with a more protected intent close behind is not simply answered."""
    ranking = [
        {"name": "view_next_pay_date", "confidence": 0.46},
        {"name": "view_salary", "confidence": 0.45},
    ]
    message = UserUttered(
        "words",
        intent={"name": "view_next_pay_date", "confidence": 0.46},
        parse_data={
            "intent": {"name": "view_next_pay_date", "confidence": 0.46},
            "intent_ranking": ranking,
        },
        metadata={METADATA_KEY: desk.assertion()},
    )
    assert "action_request_step_up" == action_of(predict(domain, message), domain)


def test_message_after_a_turn_that_was_cut_off_is_decided(desk: Desk, domain: Domain) -> None:
    """Also when the bot never came to listen again, the next message is decided on."""
    events = (
        said("view_leave_balance", desk.assertion()),
        ActionExecuted("action_view_leave_balance"),
        said("view_colleague_salary", desk.assertion()),
    )
    assert "utter_refused_colleague_salary" == action_of(predict(domain, *events), domain)
