"""Replaying a conversation once gives the states that Rasa gives by replaying it again and again."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    EntitiesAdded,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.dialogue import replay, rule_search
from gatehouse.errors import NotReady
from tests.needs import need

MODEL = Path(__file__).resolve().parents[3] / "models" / "current.tar.gz"
DOMAIN = Domain.from_dict(
    {
        "intents": ["ask", {"tell": {"use_entities": ["period"]}}],
        "entities": ["period", "place"],
        "slots": {
            "said": {"type": "bool", "mappings": [{"type": "custom"}]},
            "note": {
                "type": "text",
                "influence_conversation": False,
                "mappings": [{"type": "custom"}],
            },
            "place": {"type": "text", "initial_value": "x", "mappings": [{"type": "custom"}]},
        },
        "forms": {"form": {"required_slots": ["place"]}},
        "actions": ["action_one"],
        "responses": {"utter_yes": [{"text": "yes"}]},
    }
)
LOOKS = [
    {"ignore_rule_only_turns": False},
    {"ignore_rule_only_turns": True, "rule_only_data": {"rule_only_slots": ["said"]}},
    {"ignore_rule_only_turns": True, "rule_only_data": {"rule_only_loops": ["form"]}},
    {"omit_unset_slots": True},
]
KINDS = [
    "user",
    "user",
    "listen",
    "listen",
    "utter",
    "hidden",
    "form",
    "loop",
    "end",
    "slot",
    "slot",
    "reset",
    "read",
    "said",
    "followup",
    "rejected",
    "interrupted",
    "as_text",
    "back",
    "undo",
    "restart",
    "session",
    "entities",
]


def event_of(kind: str, value: int) -> Event:
    name = ("ask", "tell")[value % 2]
    entities = [{"entity": ("period", "place")[value // 2 % 2], "value": "May"}] * (value % 3)
    return {
        "user": lambda: UserUttered("words", {"name": name, "confidence": 1.0}, entities),
        "listen": lambda: ActionExecuted("action_listen"),
        "utter": lambda: ActionExecuted(("utter_yes", "action_one")[value % 2]),
        "hidden": lambda: ActionExecuted("action_one", hide_rule_turn=True),
        "form": lambda: ActionExecuted("form"),
        "loop": lambda: ActiveLoop("form"),
        "end": lambda: ActiveLoop(None),
        "slot": lambda: SlotSet(("said", "note", "place")[value % 3], (True, "y", None)[value % 3]),
        "reset": AllSlotsReset,
        "read": lambda: DefinePrevUserUtteredFeaturization(False),
        "said": lambda: BotUttered("well"),
        "followup": lambda: FollowupAction("action_one"),
        "rejected": lambda: ActionExecutionRejected("form"),
        "interrupted": lambda: LoopInterrupted(True),
        "as_text": lambda: DefinePrevUserUtteredFeaturization(True),
        "back": UserUtteranceReverted,
        "undo": ActionReverted,
        "restart": Restarted,
        "session": SessionStarted,
        "entities": lambda: EntitiesAdded([{"entity": "place", "value": "Rome"}]),
    }[kind]()


steps = st.lists(
    st.one_of(st.none(), st.tuples(st.sampled_from(KINDS), st.integers(0, 5))), max_size=40
)


def looked_at(tracker: DialogueStateTracker, spoil: bool) -> list[Any]:
    found = []
    for look in LOOKS:
        states = tracker.past_states(DOMAIN, **look)  # type: ignore[arg-type]
        found.append([{name: dict(part) for name, part in s.items()} for s in states])
        if spoil:  # policies change the states that they are given
            for state in states:
                for part in state.values():
                    part.clear()
    return [*found, [id(event) for event in tracker.applied_events()]]


@given(steps)
@settings(max_examples=250, deadline=None)
def test_states_are_those_of_rasa(script: list[tuple[str, int] | None]) -> None:
    """Whatever happened, whenever it is looked at, and whoever changes what was handed out."""

    def played(spoil: bool) -> list[Any]:
        tracker = DialogueStateTracker.from_events("c", [], DOMAIN.slots)
        numbers: dict[int, int] = {}
        found = []
        for step in [*script, None]:
            if step is not None:
                event = event_of(*step)
                numbers[id(event)] = len(numbers)
                tracker.update(event)
            else:
                *states, order = looked_at(tracker, spoil)
                found.append((states, [numbers[one] for one in order]))
        return found

    replay.restore()
    expected = played(spoil=False)
    try:
        replay.apply()
        assert expected == played(spoil=True)
    finally:
        replay.restore()


def shape(tracker: DialogueStateTracker) -> dict[str, Any]:
    """All there is to a tracker; events, messages and values of slots by who they are."""
    loop = tracker.active_loop
    return {
        **tracker.__dict__,
        "events": [id(event) for event in tracker.events],
        "slots": {
            name: (type(slot), {**slot.__dict__, "_value": repr(slot.value)})
            for name, slot in tracker.slots.items()
        },
        "latest_message": {**tracker.latest_message.as_dict(), "timestamp": None},
        "latest_bot_utterance": {**tracker.latest_bot_utterance.as_dict(), "timestamp": None},
        "active_loop": loop and loop.__dict__,
    }


@given(steps)
@settings(max_examples=150, deadline=None)
def test_a_copy_is_that_of_rasa(script: list[tuple[str, int] | None]) -> None:
    """The copy for an action is in the state that a replay leads to, and going on changes it alone."""
    events = [event_of(*step) for step in script if step is not None]
    tracker = DialogueStateTracker.from_events("c", events, DOMAIN.slots)
    tracker.model_id, tracker.sender_source = "model", "file"
    expected, before = shape(replay._stock_copy(tracker)), shape(tracker)
    tracker.past_states(DOMAIN)
    copied = replay._copied(tracker)
    assert expected == shape(copied)
    for kind in ("user", "slot", "loop", "listen"):
        copied.update(event_of(kind, 0))
    assert before == shape(tracker)


def test_a_tracker_of_another_shape_is_copied_by_rasa(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = DialogueStateTracker.from_events("c", [], DOMAIN.slots)
    tracker.more = 1
    monkeypatch.setattr(replay, "_stock_copy", lambda _tracker: "by Rasa")
    assert "by Rasa" == replay._copied(tracker)


def test_a_new_message_is_never_taken_for_one_that_is_gone() -> None:
    """Also when it lies where the empty message lay that a conversation begins with."""
    tracker = DialogueStateTracker.from_events("c", [], DOMAIN.slots)
    replay.apply()
    try:
        tracker.past_states(DOMAIN)
        kept = tracker.__dict__[replay._REPLAY]._users
        assert all(id(message) == key[0] for key, (_, message, _) in kept.items())
        assert kept
    finally:
        replay.restore()


def test_a_conversation_is_replayed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again costs no replay, and going on replays what is new."""
    applied: list[Event] = []
    original = SlotSet.apply_to

    def counting(self: SlotSet, tracker: DialogueStateTracker) -> None:
        applied.append(self)
        original(self, tracker)

    tracker = DialogueStateTracker.from_events("c", [SlotSet("said", True)] * 5, DOMAIN.slots)
    monkeypatch.setattr(SlotSet, "apply_to", counting)
    replay.apply()
    try:
        looked_at(tracker, spoil=True)
        assert 5 == len(applied)
        tracker.update(SlotSet("note", "n"))
        looked_at(tracker, spoil=False)
    finally:
        replay.restore()
    assert 7 == len(applied)


def test_what_is_past_is_described_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a conversation that was looked at, each further look describes the present only."""
    described: list[object] = []
    original = replay._active_state

    def counting(self: Domain, moment: Any, omit_unset_slots: bool = False) -> dict[str, Any]:
        described.append(moment)
        return original(self, moment, omit_unset_slots)

    monkeypatch.setattr(replay, "_active_state", counting)
    tracker = DialogueStateTracker.from_events("c", [], DOMAIN.slots)
    for kind in ("listen", "user", "utter", "listen") * 5:
        tracker.update(event_of(kind, 0))
    replay.apply()
    try:
        first = tracker.past_states(DOMAIN)
        assert len(first) == len(described)
        described.clear()
        assert first == tracker.past_states(DOMAIN)
        assert 1 == len(described)
    finally:
        replay.restore()


@pytest.fixture(scope="module")
def trained() -> Iterator[RulePolicy]:
    need(MODEL.is_file(), "no trained model; run `gatehouse train`")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, _, runner = MessageProcessor._load_model(MODEL)
    nodes = [node._component for node in runner._instantiated_nodes.values()]
    yield next(node for node in nodes if isinstance(node, RulePolicy))


def test_rules_are_found_as_before(trained: RulePolicy) -> None:
    """Each rule's own states, states of others, and states that lack or add something."""
    chosen = random.Random(5)
    lookups = [trained.lookup[RULES], trained.lookup[RULES_FOR_LOOP_UNHAPPY_PATH]]
    rules = [trained._rule_key_to_state(key) for lookup in lookups for key in lookup]
    scripts = [rule for rule in rules if rule]
    for _ in range(200):
        states = [dict(chosen.choice(chosen.choice(scripts))) for _ in range(chosen.randint(1, 4))]
        states[-1].pop(chosen.choice(["user", "prev_action", "slots", "active_loop"]), None)
        scripts.append(states)
    found = 0
    for states in scripts:
        for lookup in lookups:
            expected = rule_search._stock(trained, lookup, states)
            assert expected == rule_search._possible_keys(trained, lookup, states)
            found += len(expected)
    assert found > len(rules)


def test_a_lookup_that_changes_is_read_again() -> None:
    """Rules that are added or exchanged are found; an empty rule fits everything."""
    policy: Any = SimpleNamespace(_rule_key_to_state=RulePolicy._rule_key_to_state)
    policy._is_rule_applicable = lambda *given: RulePolicy._is_rule_applicable(policy, *given)
    policy._does_rule_match_state = RulePolicy._does_rule_match_state
    states = [{"prev_action": {"action_name": "a"}}]
    lookup = {'[{"prev_action": {"action_name": "a"}}]': "b"}
    assert set(lookup) == rule_search._possible_keys(policy, lookup, states)
    lookup["[]"] = "c"
    assert set(lookup) == rule_search._possible_keys(policy, lookup, states)
    assert {"[]"} == rule_search._possible_keys(policy, {"[]": "c"}, states)


@pytest.mark.parametrize("part", [replay, rule_search])
def test_another_rasa_is_refused(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods that take something else stop the start."""
    name = "_stock" if part is rule_search else "_stock_state"
    monkeypatch.setattr(part, name, lambda self, other: None)
    with pytest.raises(NotReady, match="written for"):
        part.apply()
