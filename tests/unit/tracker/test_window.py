"""The window that Rasa is handed: whatever happened before, it predicts as the whole session does."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    DefinePrevUserUtteredFeaturization,
    Event,
    FollowupAction,
    LoopInterrupted,
    ReminderScheduled,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.tracker.window import RAW_TURNS, SLACK, Carry, Needs, fold, reverts

NEEDS = Needs(states=3, visible=4)
LOOPS = ("leave_form", "bank_form")
SLOTS = ("kind", "amount", "flag")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    DOMAIN = Domain.from_dict(
        {
            "intents": ["greet", "ask", "inform", "back"],
            "entities": ["date"],
            "slots": {
                "kind": {"type": "text", "mappings": [{"type": "custom"}]},
                "amount": {
                    "type": "float",
                    "min_value": 0,
                    "max_value": 9,
                    "mappings": [{"type": "custom"}],
                },
                "flag": {"type": "bool", "initial_value": True, "mappings": [{"type": "custom"}]},
            },
            "forms": {name: {"required_slots": ["kind"]} for name in LOOPS},
            "responses": {"utter_greet": [{"text": "hi"}], "utter_ask": [{"text": "yes"}]},
            "actions": ["action_one", "action_two"],
        }
    )
_TIMES = itertools.count(1_800_000_000)
VALUES = {"kind": ["a", "b", None], "amount": [1.0, 7.5, None], "flag": [True, False, None]}


class Handed:
    """What a store hands out turn after turn, without a database."""

    def __init__(self, needs: Needs = NEEDS) -> None:
        self.needs = needs
        self.whole: list[Event] = []
        self.carry: Carry | None = None
        self.turns: list[list[Event]] = []
        self.folded = 0
        self.refused = 0

    @property
    def events(self) -> list[Event]:
        carried = self.carry.events if self.carry else []
        return [*carried, *(event for turn in self.turns for event in turn)]

    def may_add(self, turn: Sequence[Event]) -> bool:
        """Whether the store would take the turn; it refuses one that takes too much back."""
        return self.carry is None or reverts(turn) <= self.needs.reverted

    def add(self, turn: list[Event]) -> None:
        if not self.may_add(turn):  # the next turn reads the whole session
            self.refused += 1
            self.carry, self.turns = None, [list(self.whole)]
        self.whole += turn
        self.turns.append(turn)
        starts = [i for i, event in enumerate(turn) if isinstance(event, SessionStarted)]
        if starts:
            self.whole = turn[starts[-1] :]
            self.carry, self.turns = None, [list(self.whole)]
        elif len(self.turns) > RAW_TURNS + SLACK or reverts(turn):
            self._fold()

    def _fold(self) -> None:
        raw = self.turns[:-RAW_TURNS]
        carried = len(self.carry.events) if self.carry else 0
        cut = carried + sum(map(len, raw))
        carry = fold(self.events, cut, self.carry, self.needs) if raw else None
        if carry is None:
            self.carry, self.turns = None, [list(self.whole)]
        else:
            self.folded += 1
            self.carry, self.turns = carry, self.turns[-RAW_TURNS:]


def tracker_of(events: Sequence[Event]) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("c", list(events), DOMAIN.slots)


def state_of(tracker: DialogueStateTracker) -> dict[str, Any]:
    return {
        "slots": tracker.current_slot_values(),
        "set": {name: slot.has_been_set for name, slot in tracker.slots.items()},
        "loop": asdict(tracker.active_loop) if tracker.active_loop else None,
        "paused": tracker.is_paused(),
        "action": tracker.latest_action_name,
        "followup": tracker.followup_action,
        "message": tracker.latest_message and tracker.latest_message.text,
        "bot": tracker.latest_bot_utterance and tracker.latest_bot_utterance.text,
    }


def seen_by_policies(tracker: DialogueStateTracker, needs: Needs) -> dict[str, Any]:
    """What a rule and a policy with a history look at, and whether it looks like a beginning."""
    rules = tracker.past_states(DOMAIN)
    history = tracker.past_states(
        DOMAIN,
        ignore_rule_only_turns=True,
        rule_only_data={"rule_only_slots": ["flag"], "rule_only_loops": [LOOPS[1]]},
    )
    return {
        "rules": rules[-needs.states :],
        "beginning": len(rules) <= needs.states,
        "history": history[-needs.visible :],
    }


def same(whole: Sequence[Event], handed: Sequence[Event], needs: Needs = NEEDS) -> None:
    expected, actual = tracker_of(whole), tracker_of(handed)
    assert state_of(expected) == state_of(actual)
    assert seen_by_policies(expected, needs) == seen_by_policies(actual, needs)
    # Rasa's own replays (forms, slot extraction, a message taken back) start from the events.
    assert state_of(expected.copy()) == state_of(actual.copy())


def _timed(events: Sequence[Event]) -> list[Event]:
    for event in events:
        event.timestamp = float(next(_TIMES))
    return list(events)


def said(intent: str) -> list[Event]:
    entities = [{"entity": "date", "value": "monday"}] if intent == "inform" else []
    parsed = {"intent": {"name": intent, "confidence": 0.9}, "entities": entities}
    return [
        UserUttered(f"{intent} {next(_TIMES)}", parsed["intent"], entities, parsed),
        DefinePrevUserUtteredFeaturization(False),
    ]


def did(name: str, hidden: bool) -> ActionExecuted:
    return ActionExecuted(name, hide_rule_turn=hidden)


@st.composite
def slot_sets(draw: st.DrawFn) -> list[Event]:
    names = draw(st.lists(st.sampled_from(SLOTS), max_size=2))
    return [SlotSet(name, draw(st.sampled_from(VALUES[name]))) for name in names]


@st.composite
def turns(draw: st.DrawFn) -> list[list[Event]]:
    """A conversation in which a rule, a story, forms, reverts and restarts take turns."""
    conversation: list[list[Event]] = [[SessionStarted(), did("action_listen", False)]]
    loop: str | None = None
    hides = draw(st.sampled_from([[True, False], [True] * 9 + [False]]))
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=12, max_size=40)):
        hidden = draw(st.sampled_from(hides))
        turn: list[Event] = said(draw(st.sampled_from(["greet", "ask", "inform"])))
        turn += draw(slot_sets())
        listen = did("action_listen", hidden)
        if kind == "answer":
            if loop:
                turn += [ActionExecutionRejected(loop), did("action_one", hidden)]
                turn += [BotUttered("yes"), LoopInterrupted(True), did(loop, hidden)]
            else:
                turn += [did("action_one", hidden), BotUttered("one")]
        elif kind == "two":
            turn += [did("action_one", hidden), did("utter_ask", draw(st.sampled_from(hides)))]
        elif kind == "form" and loop is None:
            loop = draw(st.sampled_from(LOOPS))
            turn += [did(loop, hidden), ActiveLoop(loop), SlotSet("kind", None), BotUttered("?")]
        elif kind == "form" and loop:
            turn += [did(loop, hidden), BotUttered("again?")]
        elif kind == "filled" and loop:
            turn += [did(loop, hidden), SlotSet("kind", "b"), ActiveLoop(None)]
            turn += [did("action_two", hidden), BotUttered("done")]
            loop = None
        elif kind == "back" and loop is None:
            turn += [did("action_back", hidden), UserUtteranceReverted(), UserUtteranceReverted()]
        elif kind == "fallback" and loop is None:
            turn += [did("action_default_fallback", hidden), UserUtteranceReverted()]
        elif kind == "undo" and loop is None:
            turn += [did("action_one", hidden), ActionReverted()]
        elif kind == "reset":
            turn += [did("action_two", hidden), AllSlotsReset()]
        elif kind == "pause":
            turn += [did("action_one", hidden), ConversationPaused()]
            turn += draw(st.sampled_from([[], [ConversationResumed()]]))
        elif kind == "restart" and loop is None:
            turn += [did("action_restart", False), Restarted()]
        elif kind == "remind" and loop is None:
            turn += [did("action_one", hidden), ReminderScheduled("greet", _SOON, "one")]
        elif kind == "followup" and loop is None:
            turn += [did("action_one", hidden), FollowupAction("action_two")]
            turn += [did("action_two", hidden)]
        conversation.append(_timed([*turn, listen]))
    return conversation


_SOON = datetime(2027, 1, 15, tzinfo=UTC)
KINDS = (
    ["answer"] * 6
    + ["two"] * 2
    + ["form", "form", "filled"]
    + ["back", "fallback", "undo", "reset", "pause", "restart", "remind", "followup"]
)


@settings(max_examples=60, deadline=None)
@given(turns())
def test_the_window_is_seen_like_the_whole_session(conversation: list[list[Event]]) -> None:
    """After every event of every turn, state and what policies see are those of the whole."""
    handed = Handed()
    for turn in conversation:
        if handed.may_add(turn):
            for number, event in enumerate(turn):
                if isinstance(event, ActionExecuted | UserUtteranceReverted | ActionReverted):
                    same(
                        [*handed.whole, *turn[: number + 1]], [*handed.events, *turn[: number + 1]]
                    )
        handed.add(turn)
        same(handed.whole, handed.events)
