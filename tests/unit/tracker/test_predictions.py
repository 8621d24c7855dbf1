"""The trained policies predict from the window what they predict from the whole session."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rasa.core.policies.policy import Policy
from rasa.core.processor import MessageProcessor
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.dialogue.authorization import IntentAuthorizationPolicy
from gatehouse.tracker.horizon import needs_of
from gatehouse.tracker.window import RAW_TURNS, SLACK, Needs, fold, reverts
from tests.needs import need

MODEL = Path(__file__).resolve().parents[3] / "models" / "current.tar.gz"
TURNS = 40
MOST_ACTIONS = 6


@pytest.fixture(scope="module")
def model() -> tuple[Domain, list[Any], Needs]:
    need(MODEL.is_file(), "no trained model; run `gatehouse train`")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, metadata, runner = MessageProcessor._load_model(MODEL)
    needs = needs_of(SimpleNamespace(graph_runner=runner))
    assert needs is not None
    nodes = [node._component for node in runner._instantiated_nodes.values()]
    policies = [p for p in nodes if isinstance(p, Policy)]
    others = [p for p in policies if not isinstance(p, IntentAuthorizationPolicy)]
    assert len(others) == len(policies) - 1 == 2
    return metadata.domain, others, needs


def test_needs_are_read_from_the_model(model: tuple[Domain, list[Any], Needs]) -> None:
    """The history is that of config.yml, and every rule fits into the states that are kept."""
    _, _, needs = model
    assert 6 == needs.visible
    assert 3 <= needs.states <= 10


def test_a_policy_of_unknown_reach_reads_everything() -> None:
    """What cannot be known is not guessed, and neither is a graph runner of another kind."""

    class Unknown(Policy):
        __init__ = train = predict_action_probabilities = lambda *_: None

    nodes = {"one": SimpleNamespace(_component=Unknown())}
    runner = SimpleNamespace(_instantiated_nodes=nodes)
    assert needs_of(SimpleNamespace(graph_runner=runner)) is None
    assert needs_of(SimpleNamespace(graph_runner=None)) is None


class Conversation:
    """The whole session and what is handed out of it, turn by turn."""

    def __init__(self, domain: Domain, policies: list[Any], needs: Needs, seed: int) -> None:
        self.domain, self.policies, self.needs = domain, policies, needs
        self.random = random.Random(seed)
        self.whole: list[Event] = [SessionStarted(), ActionExecuted("action_listen")]
        self.carry: Any = None
        self.turns: list[list[Event]] = [list(self.whole)]
        self.compared = self.short = 0

    @property
    def handed(self) -> list[Event]:
        carried = self.carry.events if self.carry else []
        return [*carried, *(event for turn in self.turns for event in turn)]

    def tracker(self, events: list[Event]) -> DialogueStateTracker:
        return DialogueStateTracker.from_events("c", events, self.domain.slots)

    def predicted(self, events: list[Event]) -> list[tuple[list[float], bool | None]]:
        tracker = self.tracker(events)
        rule_only = next(p for p in self.policies if hasattr(p, "_get_rule_only_data"))
        data = rule_only._get_rule_only_data()
        found = [
            p.predict_action_probabilities(tracker, self.domain, rule_only_data=data)
            for p in self.policies
        ]
        return [(prediction.probabilities, prediction.hide_rule_turn) for prediction in found]

    def say(self, intent: str) -> None:
        parsed = {"intent": {"name": intent, "confidence": 0.95}, "entities": []}
        turn: list[Event] = [
            UserUttered(intent, parsed["intent"], [], parsed),
            DefinePrevUserUtteredFeaturization(False),
        ]
        for _ in range(MOST_ACTIONS):
            expected = self.predicted([*self.whole, *turn])
            assert expected == self.predicted([*self.handed, *turn])
            self.compared += 1
            best, hide = max(expected, key=lambda one: max(one[0]))
            name = self.domain.action_names_or_texts[best.index(max(best))]
            turn += self.done(name, bool(hide), [*self.whole, *turn])
            if name == "action_listen":
                break
        self.add(turn)

    def done(self, name: str, hide: bool, events: list[Event]) -> list[Event]:
        executed = ActionExecuted(name, hide_rule_turn=hide)
        loop = self.tracker(events).active_loop_name
        if name.endswith("_form") and loop != name:
            return [executed, ActiveLoop(name), SlotSet("requested_slot", "confirmed")]
        if name.endswith("_form") and self.random.random() < 0.5:
            filled = SlotSet("confirmed", self.random.random() < 0.5)
            return [executed, filled, ActiveLoop(None), SlotSet("requested_slot", None)]
        if name in ("action_back", "action_default_fallback"):
            return [executed, *[UserUtteranceReverted()] * (2 if name == "action_back" else 1)]
        return [executed] if name == "action_listen" else [executed, BotUttered(name)]

    def add(self, turn: list[Event]) -> None:
        assert reverts(turn) <= self.needs.reverted
        self.whole += turn
        self.turns.append(turn)
        if len(self.turns) > RAW_TURNS + SLACK or reverts(turn):
            raw = self.turns[:-RAW_TURNS]
            carried = len(self.carry.events) if self.carry else 0
            cut = carried + sum(map(len, raw))
            self.carry = fold(self.handed, cut, self.carry, self.needs) if raw else None
            self.turns = self.turns[-RAW_TURNS:] if self.carry else [list(self.whole)]
        self.short += len(self.handed) < len(self.whole) / 2


@pytest.mark.parametrize("seed", range(4))
def test_the_same_predictions(model: tuple[Domain, list[Any], Needs], seed: int) -> None:
    """In random conversations over the assistant's own intents, with forms, stories, fallbacks and
    messages taken back, every prediction of every policy is the same, also whether it is hidden."""
    domain, policies, needs = model
    conversation = Conversation(domain, policies, needs, seed)
    favourites = ["greet", "view_next_pay_date", "thank", "goodbye", "request_leave", "affirm"]
    for _ in range(TURNS):
        known = [*sorted(domain.intents), *favourites * 4, "back"]
        conversation.say(conversation.random.choice(known))
    assert conversation.compared > TURNS
    # Not at every end: after a message that was taken back, the whole is needed for some turns.
    assert conversation.short > 0
