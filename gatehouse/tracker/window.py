"""What of a long session Rasa has to be handed so that it predicts as if it had seen all of it.

Rasa replays the events of a session several times per message. Its policies look at a bounded
number of states, so older events are folded into a *carry*: what they left in slots and loops, the
last turns that policies with a history still see, and the turns before the newest events word for
word. The carry is itself a list of events, so that every replay of Rasa's starts from it. Folding
must never change a prediction; where that cannot be promised, `fold` says so and the whole session
is read (rasa 3.6.21, rasa/shared/core/trackers.py and domain.py, `states_for_tracker_history`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

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
    EntitiesAdded,
    Event,
    LoopInterrupted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

RAW_TURNS: Final = 2  # records that are always handed over as they are
SLACK: Final = 3  # records more than that before the next folding
_SWALLOWED: Final = 2  # states that a form takes back when it goes on after an answer

# What a turn that is left out may consist of; a turn with anything else is kept.
_FOLDABLE: Final = (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    DefinePrevUserUtteredFeaturization,
    EntitiesAdded,
    LoopInterrupted,
    SlotSet,
    UserUttered,
)


@dataclass(frozen=True, slots=True)
class Needs:
    """How far the policies of a model look back.

    `states`: the longest rule, in states that all turns count towards. `visible`: the longest
    `max_history`, in states of turns that are not hidden from such policies. `reverted`: how many
    user turns one message may take back before it has to be refused.
    """

    states: int
    visible: int
    reverted: int = 2


@dataclass(frozen=True, slots=True)
class Carry:
    """The folded beginning of a session.

    From `solid` on its events are the applied ones without a gap. `complete` says that nothing was
    left out that a policy with a history would see. `states` and `visible` are the needs that it
    was made for.
    """

    events: list[Event]
    solid: int
    complete: bool
    states: int
    visible: int


def fold(
    events: Sequence[Event], raw_from: int, before: Carry | None, needs: Needs
) -> Carry | None:
    """The carry for `events[:raw_from]`, where `events` is what a tracker holds at a turn's end.

    `events` begins with the events of `before`, if there is one. None when `before` lacks what is
    needed now, because turns were taken back; only the whole session has it.
    """
    wanted = needs.states + _SWALLOWED
    prefix, tail = list(events[:raw_from]), list(events[raw_from:])
    segments = _segments(applied(prefix))
    solid = {id(event) for event in events[before.solid if before else 0 :]}
    left = _without_last_turns(
        applied([e for segment in segments for e in segment] + tail), needs.reverted
    )
    actions = [event for event in left if isinstance(event, ActionExecuted)]
    states = {id(event) for event in actions}
    # The first one is seen even if it is hidden: a tracker starts with a followup action.
    visible = {id(e) for n, e in enumerate(actions) if not n or not e.hide_rule_turn}

    count = _count(tail, states)
    seen = _count(tail, visible)
    protected = len(segments)
    while protected and (count <= wanted or _loop_is_active(segments[:protected])):
        protected -= 1
        if not all(id(event) in solid for event in segments[protected]):
            return None
        count += _count(segments[protected], states)
        seen += _count(segments[protected], visible)
    gapless = not protected and (before is None or before.solid == 0)
    if count <= wanted and not gapless:
        return None

    kept, complete, enough = _kept(segments[:protected], visible, needs.visible + _SWALLOWED - seen)
    complete = complete and (before is None or before.complete)
    if not enough and before is not None and not before.complete:
        return None
    older = _gapped(segments[:protected], kept)
    first = [prefix[0]] if prefix and isinstance(prefix[0], SessionStarted) else []
    return Carry(
        events=first + older + [event for segment in segments[protected:] for event in segment],
        solid=0 if gapless else len(first) + len(older),
        complete=complete,
        states=needs.states,
        visible=needs.visible,
    )


def applied(events: Iterable[Event]) -> list[Event]:
    """Rasa's own answer to which events still count."""
    tracker = DialogueStateTracker("", ())
    tracker.events.extend(events)
    found: list[Event] = tracker.applied_events()
    return found


def reverts(events: Iterable[Event]) -> int:
    """How many events take something back."""
    return sum(isinstance(event, UserUtteranceReverted | ActionReverted) for event in events)


def _segments(events: Sequence[Event]) -> list[list[Event]]:
    """The events cut before every message at which no loop is active; the first part may have none."""
    segments: list[list[Event]] = [[]]
    loop = None
    for event in events:
        if isinstance(event, UserUttered) and loop is None and segments[-1]:
            segments.append([])
        segments[-1].append(event)
        if isinstance(event, ActiveLoop):
            loop = event.name
    return segments


def _loop_is_active(segments: Sequence[Sequence[Event]]) -> bool:
    """Whether a loop goes on at the end; only the last segment can leave one open."""
    loops = [e for e in segments[-1] if isinstance(e, ActiveLoop)] if segments else []
    return bool(loops) and loops[-1].name is not None


def _without_last_turns(events: list[Event], turns: int) -> list[Event]:
    """`events` as if the last `turns` messages had been taken back."""
    left = list(events)
    for _ in range(turns):
        DialogueStateTracker._undo_till_previous(UserUttered, left)
        DialogueStateTracker._undo_till_previous(ActionExecuted, left)
    return left


def _count(events: Iterable[Event], which: set[int]) -> int:
    return sum(id(event) in which for event in events)


def _kept(
    segments: Sequence[Sequence[Event]], visible: set[int], missing: int
) -> tuple[set[int], bool, bool]:
    """Which segments stay; whether all that a policy with a history sees stays; whether enough.

    One more than needed stays, because what such a policy is shown of a turn depends on the one
    before.
    """
    kept: set[int] = set()
    complete = True
    enough = False
    for number in range(len(segments) - 1, -1, -1):
        shown = _count(segments[number], visible)
        if shown and not enough:
            enough = missing <= 0
            missing -= shown
            kept.add(number)
        elif shown:
            complete = False
        if not all(isinstance(event, _FOLDABLE) for event in segments[number]):
            kept.add(number)
    return kept, complete, enough


def _gapped(segments: Sequence[Sequence[Event]], kept: set[int]) -> list[Event]:
    """The kept segments, and between them what the others left behind."""
    events: list[Event] = []
    gap: list[Event] = []
    for number, segment in enumerate(segments):
        if number not in kept:
            gap += segment
            continue
        events += _residue(gap, first=not events)
        events += segment
        gap = []
    return events + _residue(gap, first=not events)


def _residue(gap: Sequence[Event], *, first: bool) -> list[Event]:
    """The last value of each slot, which loops there were, pauses, and what the bot said last.

    At the very beginning also the last action: what follows must not look like the start of a
    conversation any earlier than it has to.
    """
    slots: dict[str, Event] = {}
    once: dict[object, Event] = {}
    loops: dict[str, Event] = {}
    closed: Event | None = None
    for event in gap:
        if isinstance(event, AllSlotsReset):
            slots = {}
            once[AllSlotsReset] = event
        elif isinstance(event, SlotSet):
            slots.pop(event.key, None)
            slots[event.key] = event
        elif isinstance(event, ActiveLoop):
            if event.name is not None:
                loops[event.name] = event
            else:
                closed = event
        elif isinstance(event, ConversationPaused | ConversationResumed):
            once["paused"] = event
        elif isinstance(event, BotUttered):
            once[BotUttered] = event
        elif isinstance(event, ActionExecuted) and first:
            once[ActionExecuted] = event
    opened = [one for loop in loops.values() for one in (loop, closed) if one is not None]
    return [
        *([once.pop(AllSlotsReset)] if AllSlotsReset in once else []),
        *slots.values(),
        *opened,
        *once.values(),
    ]
