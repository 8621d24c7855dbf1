"""The action that asks for a second factor when the dialogue policy stopped an intent for it.

It resolves the concrete values of the request through the guarded action of that intent, so that
the person approves what will really happen. It must never perform the request itself.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop
from rasa_sdk.executor import CollectingDispatcher

from gatehouse.dialogue.checkpoint import Checkpoint, StepUpNeeded
from gatehouse.dialogue.guarded import (
    GuardedAction,
    answered,
    speaker_of,
    turn_of,
    understanding_of,
)
from gatehouse.dialogue.turn import Ask, Reply
from gatehouse.stepup.levels import USUAL, stronger

_CLARIFICATION = "action_two_stage_fallback"


class RequestStepUp(Action):
    """Opens the challenge for the intent of the latest message."""

    def name(self) -> str:
        return "action_request_step_up"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        events = await answered(self.name(), self._serve, tracker, dispatcher)
        if (tracker.active_loop or {}).get("name") == _CLARIFICATION:
            # The request is clear. Left open, the loop would take the resumption for one more
            # rephrasing, repeat it as a new message and so be asked again, without end.
            events = [*events, ActiveLoop(None)]
        return events

    def _serve(self, checkpoint: Checkpoint, tracker: Tracker) -> Reply:
        person = speaker_of(tracker, checkpoint)
        intent = str(((tracker.latest_message or {}).get("intent") or {}).get("name") or "")
        understood = understanding_of(tracker)
        level = checkpoint.admit_intent(person, intent, understood) or USUAL
        turn = turn_of(tracker, person, checkpoint)
        action = guarded_action_for(intent)
        prompt = intent.replace("_", " ")
        if action is not None:
            try:
                turn = replace(turn, values=dict(action.request_values(turn)))
                subject, resource = action.subject(turn)
            except Ask as question:
                return Reply((question.as_message(),))
            # Also when the record itself needs no code: the intent did, for example because a more
            # protected one was close behind.
            try:
                checkpoint.admit_resource(
                    person, intent, subject, resource, turn.values, understood
                )
            except StepUpNeeded as needed:
                level = stronger(level, needed.level)
            prompt = action.prompt(turn, turn.values)
        text = checkpoint.request_step_up(
            person,
            intent,
            turn.values,
            prompt,
            entities=tuple((entity.name, entity.value) for entity in turn.entities),
            display=turn.text,
            level=level,
        )
        return Reply.say(text)


def guarded_action_for(intent: str) -> GuardedAction | None:
    """A new instance of the guarded action that answers `intent`, `action_<intent>`.

    Other actions may be governed by the same intent, such as a preview before a form is confirmed.
    """
    pending: list[type[GuardedAction]] = list(GuardedAction.__subclasses__())
    while pending:
        kind = pending.pop()
        if getattr(kind, "intent", None) == intent and not inspect.isabstract(kind):
            action = kind()
            if action.name() == f"action_{intent}":
                return action
        pending.extend(kind.__subclasses__())
    return None
