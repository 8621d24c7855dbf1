"""The dialogue policy that stops an intent before any other policy can answer it.

First enforcement point: it looks at every user turn, asks who speaks and whether the rules allow
the intent, and either abstains or predicts the refusal or the step-up. It must win against
RulePolicy also inside a form, and must answer "no" whenever it cannot decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.core.constants import (
    ACTION_DEACTIVATE_LOOP_NAME,
    ACTION_LISTEN_NAME,
    ACTION_TWO_STAGE_FALLBACK_NAME,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse import metrics
from gatehouse.dialogue.gate import GateRequest, Verdict, current_gate
from gatehouse.dialogue.rounds import Rounds
from gatehouse.dialogue.understanding import understood
from gatehouse.identity import METADATA_KEY
from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

REFUSAL_PREFIX = "utter_refused_"
REFUSE_DEFAULT = "utter_refused_default"
REFUSE_UNAVAILABLE = "utter_refused_unavailable"
REQUEST_STEP_UP = "action_request_step_up"
RESUME_REQUEST = "resume_request"
LISTEN: str = ACTION_LISTEN_NAME
CLOSE_LOOP: str = ACTION_DEACTIVATE_LOOP_NAME

_rounds = Rounds()


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=False
)
class IntentAuthorizationPolicy(Policy):
    """Enforces `policies/*.yml` on every intent."""

    looks_back = 1  # state of the conversation: the latest message and what was done since

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Priority above every policy that Rasa ships (the highest of those is 6)."""
        return {"priority": 100}

    def train(
        self,
        training_trackers: list[TrackerWithCachedStates],
        domain: Domain,
        **kwargs: Any,
    ) -> Resource:
        """Nothing to learn."""
        return self._resource

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """Predict the refusal or the step-up for the latest user turn, or abstain."""
        action = self._next_action(tracker, domain)
        if action is None:
            return self._prediction(self._default_predictions(domain))
        if action not in domain.action_names_or_texts:
            # A rule that speaks a response which the trained domain lacks must still refuse.
            log.error("the domain lacks a response; refusing without a reason", action=action)
            action = REFUSE_DEFAULT
        return self._decisive(action, domain)

    def _decisive(self, action: str, domain: Domain) -> PolicyPrediction:
        probabilities = self._default_predictions(domain)
        probabilities[domain.index_for_action(action)] = 1.0
        # RulePolicy marks the happy path of a form as a "no user" prediction, which overrules
        # every ordinary one whatever its priority; only the same mark can stop a form.
        return self._prediction(probabilities, is_no_user_prediction=True)

    def _next_action(self, tracker: DialogueStateTracker, domain: Domain) -> str | None:
        message = tracker.latest_message
        if message is None or not (message.intent or message.text):
            return None
        done = _actions_since_message(tracker)
        if done:
            clarifying = tracker.active_loop_name == ACTION_TWO_STAGE_FALLBACK_NAME
            return _after_own_action(done, message.intent.get("name"), clarifying)
        intent = message.intent.get("name")
        if not intent:
            return REFUSE_DEFAULT
        request = GateRequest(
            conversation_id=tracker.sender_id,
            metadata=message.metadata or {},
            text=message.text or "",
            entities=list(message.entities or []),
            intent=intent,
            understanding=understood(
                message.intent,
                (message.parse_data or {}).get("intent_ranking"),
                tracker.current_slot_values(),
            ),
            has_form=f"{intent}_form" in domain.form_names,
            has_action=f"action_{intent}" in domain.action_names_or_texts,
        )
        try:
            verdict = current_gate().admit(request)
        except Exception as error:  # noqa: BLE001 - whatever failed, the answer is no
            metrics.FAILURES.add(part="turn")
            log.error("the decision could not be made", error=place_of(error))
            return REFUSE_UNAVAILABLE
        # A rehearsal signs nothing; its messages cannot be told apart and are not counted.
        assertion = request.metadata.get(METADATA_KEY)
        if verdict.effect != "deny" and assertion is not None and _rounds.too_many(assertion):
            metrics.FAILURES.add(part="turn")
            log.error("a turn went in circles and was ended")
            return LISTEN
        return _action_of(verdict)


def _action_of(verdict: Verdict) -> str | None:
    if verdict.effect == "allow":
        return verdict.action
    return REQUEST_STEP_UP if verdict.effect == "step_up" else verdict.action or REFUSE_DEFAULT


def _after_own_action(done: Sequence[str], intent: str | None, clarifying: bool) -> str | None:
    refused = any(name.startswith(REFUSAL_PREFIX) for name in done)
    if refused and clarifying:
        # "Do you mean …?" was answered. Left open, the question would take the next message back, say
        # it again, be asked again, and so on: no message of the conversation would be answered any more.
        return CLOSE_LOOP
    ours = refused or done[0] == REQUEST_STEP_UP
    return LISTEN if ours or intent == RESUME_REQUEST else None


def _actions_since_message(tracker: DialogueStateTracker) -> list[str]:
    """The actions after the latest message, newest first; none while that message is not decided on.

    Whether the bot listened before it does not matter: a turn that was cut off leaves another
    action there, and the next message must be decided on all the same.
    """
    done: list[str] = []
    for event in reversed(tracker.applied_events()):
        if isinstance(event, UserUttered):
            return done
        if isinstance(event, ActionExecuted):
            done.append(event.action_name or "")
    return done
