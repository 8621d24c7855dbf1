"""Scripted conversations as Rasa would record them, turn by turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    Event,
    FollowupAction,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)

_TIMES = itertools.count(1_800_000_000)


def timed(*events: Event) -> list[Event]:
    """The events with rising times, as Rasa gives them."""
    for event in events:
        event.timestamp = float(next(_TIMES))
    return list(events)


def said(text: str, intent: str = "greet", **entities: str) -> list[Event]:
    found = [{"entity": name, "value": value} for name, value in entities.items()]
    parsed = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.97},
        "entities": found,
        "intent_ranking": [{"name": intent, "confidence": 0.97}],
    }
    return [
        ActionExecuted("action_listen"),
        UserUttered(
            text, parsed["intent"], found, parsed, input_channel="web", metadata={"ä": "ü"}
        ),
        *(SlotSet("start_date", value) for name, value in entities.items() if name == "date"),
    ]


def greeting(text: str = "hello") -> list[Event]:
    return timed(*said(text), ActionExecuted("utter_greet"), BotUttered("hello to you ✓"))


def session() -> list[Event]:
    return timed(ActionExecuted("action_session_start"), SessionStarted())


def _form() -> Iterator[list[Event]]:
    yield timed(
        *said("i need leave", "request_leave"),
        ActionExecuted("request_leave_form"),
        ActiveLoop("request_leave_form"),
        SlotSet("requested_slot", "start_date"),
        BotUttered("from when?"),
    )
    yield timed(
        *said("hello", "greet"),
        ActionExecutionRejected("request_leave_form"),
        ActionExecuted("utter_greet"),
        ActionExecuted("request_leave_form"),
        BotUttered("from when?"),
    )
    yield timed(
        *said("from monday", "inform", date="2027-02-01"),
        ActionExecuted("request_leave_form"),
        SlotSet("start_date", "2027-02-01"),
        ActiveLoop(None),
        SlotSet("requested_slot", None),
        ActionExecuted("action_request_leave"),
        BotUttered("requested", {"buttons": [{"title": "ok", "payload": "/x"}]}),
    )


def _reverted() -> Iterator[list[Event]]:
    yield greeting()
    yield timed(
        *said("gibberish"), ActionExecuted("action_default_fallback"), UserUtteranceReverted()
    )
    yield greeting("again")


def _sessions() -> Iterator[list[Event]]:
    yield greeting("first")
    yield [*timed(SlotSet("leave_kind", "annual")), *session(), *greeting("second")]
    yield greeting("third")
    yield [*session(), *timed(SlotSet("leave_kind", "annual")), *session(), *greeting("fourth")]
    yield greeting("fifth")


def _restarted() -> Iterator[list[Event]]:
    yield [*greeting(), *timed(SlotSet("leave_kind", "annual"))]
    yield timed(*said("/restart", "restart"), ActionExecuted("action_restart"), Restarted())
    yield [*session(), *greeting("anew"), *timed(AllSlotsReset(), FollowupAction("utter_greet"))]


def all_scripts() -> dict[str, list[list[Event]]]:
    return {
        "greeting": [greeting("one"), greeting("two")],
        "form": list(_form()),
        "reverted": list(_reverted()),
        "sessions": list(_sessions()),
        "restarted": list(_restarted()),
        "long": [greeting(f"message {number}") for number in range(10)],
    }
