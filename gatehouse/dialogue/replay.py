"""Replays a conversation once per message, not once per policy and prediction.

Rasa 3.6.21 makes the states that its policies look at by replaying all events, and does so anew five
times for a message that is answered with one sentence, and twice more to copy the tracker for an
action. Here a copy is made of what there is, and the replay of a tracker is kept with the
tracker and goes on from where it ended. It must never give another state than Rasa's own replay:
for whatever is not certain to replay alike, Rasa's own is used. Nothing is kept beyond the tracker.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any, Final

from rasa.shared.constants import DEFAULT_SENDER_ID
from rasa.shared.core.constants import ACTIVE_LOOP, PREVIOUS_ACTION, SLOTS, USER
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
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.dialogue.past_states import Look, PastStates, look_of
from gatehouse.errors import NotReady

# Applying one of these changes the tracker alone. `EntitiesAdded` changes the message before it.
_ALIKE: Final = frozenset(
    {
        ActionExecuted,
        ActionExecutionRejected,
        ActiveLoop,
        AllSlotsReset,
        BotUttered,
        ConversationPaused,
        ConversationResumed,
        DefinePrevUserUtteredFeaturization,
        FollowupAction,
        LoopInterrupted,
        SessionStarted,
        SlotSet,
        UserUttered,
    }
)
_BEGINS: Final = frozenset({Restarted, SessionStarted})
_REVERTS: Final = frozenset({ActionReverted, UserUtteranceReverted})
_REPLAY: Final = "_gatehouse_replay"
# What a tracker consists of, beside what Gatehouse notes on it.
_COPIED: Final = DialogueStateTracker("", ()).__dict__.keys()
_OWN: Final = frozenset({_REPLAY, "_gatehouse_mark"})
_LOOK: Final = ("omit_unset_slots", "ignore_rule_only_turns", "rule_only_data")

Users = dict[tuple[int, bool | None], tuple[Domain, UserUttered, dict[str, Any]]]

_stock_applied = DialogueStateTracker.applied_events
_stock_prior = DialogueStateTracker.generate_all_prior_trackers
_stock_state = Domain.get_active_state
_stock_copy = DialogueStateTracker.copy
_stock_states = Domain.states_for_tracker_history


def apply() -> None:
    """Replace the replays of `DialogueStateTracker` and `Domain`; safe to call twice."""
    expected = (
        (_stock_applied, {"self"}),
        (_stock_prior, {"self"}),
        (_stock_copy, {"self"}),
        (_stock_state, {"self", "tracker", "omit_unset_slots"}),
        (_stock_states, {"self", "tracker", *_LOOK}),
    )
    if any(set(inspect.signature(method).parameters) != names for method, names in expected):
        raise NotReady("this is not the Rasa that Gatehouse was written for (replays)")
    DialogueStateTracker.applied_events = _applied_events
    DialogueStateTracker.generate_all_prior_trackers = _prior_trackers
    DialogueStateTracker.copy = _copied
    Domain.get_active_state = _active_state
    Domain.states_for_tracker_history = _past_states


def restore() -> None:
    """Put Rasa's own replays back; for tests."""
    DialogueStateTracker.applied_events = _stock_applied
    DialogueStateTracker.generate_all_prior_trackers = _stock_prior
    DialogueStateTracker.copy = _stock_copy
    Domain.get_active_state = _stock_state
    Domain.states_for_tracker_history = _stock_states


class Moment:
    """What Rasa asks of a tracker as it was before an action, or now."""

    __slots__ = (
        "_latest_action",
        "_users",
        "active_loop",
        "active_loop_name",
        "followup_action",
        "latest_action_name",
        "latest_message",
        "set_slots",
        "slots",
    )

    def __init__(
        self,
        tracker: DialogueStateTracker,
        slots: dict[str, Any],
        set_slots: frozenset[str],
        users: Users,
    ) -> None:
        self.followup_action = tracker.followup_action
        self._latest_action = tracker.latest_action
        self.latest_action_name = tracker.latest_action_name
        self.latest_message = tracker.latest_message
        self.active_loop_name = tracker.active_loop_name
        self.active_loop = Domain._get_active_loop_sub_state(tracker)
        self.slots = slots
        self.set_slots = set_slots
        self._users = users

    @property
    def latest_action(self) -> dict[str, str] | None:
        """Anew each time: it is put into states, and whoever asks for states may change them."""
        return dict(self._latest_action) if self._latest_action else self._latest_action

    def user(self, domain: Domain) -> dict[str, Any]:
        """The part of the state that the message makes; how it is read is decided after it came."""
        message = self.latest_message
        if message is None:
            return {}
        key = (id(message), message.use_text_for_featurization)
        known = self._users.get(key)
        if known is None or known[0] is not domain:
            # With the message itself: as long as it is kept, no other one can have its id.
            known = self._users[key] = (domain, message, domain._get_user_sub_state(self))
        return known[2]


class _Replay:
    """One replay of a tracker: the events so far, and the moments before each action."""

    def __init__(self, tracker: DialogueStateTracker) -> None:
        self._tracker = tracker.init_copy()
        self._events: list[Event] = []
        self._moments: list[tuple[Moment, bool]] = []
        self._last: Moment | None = None
        self._slots: dict[str, Any] | None = None
        self._set_slots: frozenset[str] = frozenset()
        self._users: Users = {}
        self._past: dict[Look, PastStates] = {}

    def goes_on_to(self, events: list[Event]) -> bool:
        """Whether `events` begin with those that were replayed."""
        known = self._events
        return len(known) <= len(events) and all(
            a is b for a, b in zip(known, events, strict=False)
        )

    def moments(self, events: list[Event]) -> Iterator[tuple[Moment, bool]]:
        """The moments before each action, then the present one; each with whether it is hidden."""
        present = self._go_on(events)
        yield from self._moments
        yield present, False

    def states(self, events: list[Event], domain: Domain, look: Look) -> list[dict[str, Any]]:
        """What `Domain.states_for_tracker_history` makes of the moments, seen in this way."""
        present = self._go_on(events)
        past = self._past.get(look)
        if past is None or past.domain is not domain:
            past = self._past[look] = PastStates(domain, look)
        found = past.up_to(self._moments, present)
        if found is None:
            past = self._past[look] = PastStates(domain, look)
            found = past.up_to(self._moments, present)
            assert found is not None
        return found

    def _go_on(self, events: list[Event]) -> Moment:
        """Replay what is new of `events`; the present moment."""
        for event in events[len(self._events) :]:
            if isinstance(event, ActionExecuted):
                self._moments.append((self._moment(), event.hide_rule_turn))
            self._tracker.update(event)
            self._last = None
            if type(event) in (SlotSet, AllSlotsReset):
                self._slots = None
        self._events = events
        self._last = self._last or self._moment()
        return self._last

    def _moment(self) -> Moment:
        if self._slots is None:
            self._slots = Domain._get_slots_sub_state(self._tracker)
            slots = self._tracker.slots.items()
            self._set_slots = frozenset(name for name, slot in slots if slot.has_been_set)
        return Moment(self._tracker, self._slots, self._set_slots, self._users)


def _applied_events(self: DialogueStateTracker) -> list[Event]:
    events = list(self.events)
    types = set(map(type, events))
    if types & _REVERTS or ActiveLoop in types:
        return list(_stock_applied(self))
    if not types & _BEGINS:
        return events
    begin = max(number for number, event in enumerate(events) if type(event) in _BEGINS)
    return events[begin + 1 :]


def _prior_trackers(self: DialogueStateTracker) -> Iterator[tuple[Any, bool]]:
    events = self.applied_events()
    replay = _replay_of(self, events)
    yield from _stock_prior(self) if replay is None else replay.moments(events)


def _copied(self: DialogueStateTracker) -> DialogueStateTracker:
    """A tracker in the same state, which replaying the same events would lead to."""
    if type(self) is not DialogueStateTracker or _COPIED != self.__dict__.keys() - _OWN:
        stock: DialogueStateTracker = _stock_copy(self)
        return stock
    tracker: DialogueStateTracker = object.__new__(DialogueStateTracker)
    tracker.__dict__.update((name, self.__dict__[name]) for name in _COPIED)
    tracker.sender_id = self.sender_id or DEFAULT_SENDER_ID
    tracker.sender_source = tracker.model_id = tracker.assistant_id = None
    tracker.events = self._create_events(self.events)
    tracker.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
    tracker.latest_action = copy.copy(self.latest_action)
    tracker.active_loop = copy.copy(self.active_loop)
    return tracker


def _past_states(
    self: Domain,
    tracker: DialogueStateTracker,
    omit_unset_slots: bool = False,
    ignore_rule_only_turns: bool = False,
    rule_only_data: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    look = look_of(omit_unset_slots, ignore_rule_only_turns, rule_only_data)
    events = tracker.applied_events()
    replay = None if look is None else _replay_of(tracker, events)
    if replay is None or look is None:
        asked = (omit_unset_slots, ignore_rule_only_turns, rule_only_data)
        found: list[dict[str, Any]] = _stock_states(self, tracker, *asked)
        return found
    return replay.states(events, self, look)


def _replay_of(tracker: DialogueStateTracker, events: list[Event]) -> _Replay | None:
    """The replay of `tracker`, whose applied events are `events`; None when Rasa's own is needed."""
    if not _replays_alike(tracker, events):
        return None
    replay: _Replay | None = tracker.__dict__.get(_REPLAY)
    if replay is None or not replay.goes_on_to(events):
        replay = tracker.__dict__[_REPLAY] = _Replay(tracker)
    return replay


def _replays_alike(tracker: DialogueStateTracker, events: list[Event]) -> bool:
    """Whether a replay that went on gives the states of one from the start."""
    if type(tracker) is not DialogueStateTracker or tracker._max_event_history is not None:
        return False
    if not _ALIKE.issuperset(map(type, events)) or _REVERTS & set(map(type, tracker.events)):
        return False
    # How a message is read is noted on the message, so of two answers the last replayed one counts.
    read_as = {
        event.use_text_for_featurization
        for event in events
        if type(event) is DefinePrevUserUtteredFeaturization
    }
    return len(read_as) <= 1


def _active_state(self: Domain, tracker: Any, omit_unset_slots: bool = False) -> dict[str, Any]:
    if type(tracker) is not Moment:
        state: dict[str, Any] = _stock_state(self, tracker, omit_unset_slots)
        return state
    slots = tracker.slots
    if omit_unset_slots:
        slots = {name: value for name, value in slots.items() if name in tracker.set_slots}
    parts = (
        (USER, tracker.user(self)),
        (SLOTS, slots),
        (PREVIOUS_ACTION, tracker.latest_action),
        (ACTIVE_LOOP, tracker.active_loop),
    )
    return {name: dict(part) for name, part in parts if part}
