"""The states of a conversation's past, worked out once per message and way of looking.

Rasa 3.6.21 makes the list of all past states anew for each policy and prediction
(rasa/shared/core/domain.py, `states_for_tracker_history`). What came before an action does not
change any more, so here it is kept with the replay it was made from and only the present is made
anew. What is handed out is a copy, with parts shared between states where Rasa shares them; what is
kept must never be handed out, because whoever asks for states may change them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from rasa.shared.core.constants import PREVIOUS_ACTION, RULE_ONLY_LOOPS, RULE_ONLY_SLOTS
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered

State = dict[str, dict[str, Any]]
Look = tuple[bool, bool, tuple[str, ...], tuple[str, ...]]

_DATA: Final = frozenset({RULE_ONLY_LOOPS, RULE_ONLY_SLOTS})


class Moment(Protocol):
    """What of a tracker is looked at; a settled one does not change."""

    followup_action: str | None
    latest_action_name: str | None
    active_loop_name: str | None
    latest_message: UserUttered | None

    @property
    def latest_action(self) -> dict[str, str] | None: ...


def look_of(omit_unset: bool, ignore_rule_only: bool, data: object) -> Look | None:
    """A way of looking as a key; None for one that is not known."""
    if not ignore_rule_only or not data:
        return omit_unset, ignore_rule_only, (), ()
    if not isinstance(data, Mapping) or not _DATA.issuperset(data):
        return None
    slots, loops = data.get(RULE_ONLY_SLOTS) or (), data.get(RULE_ONLY_LOOPS) or ()
    return omit_unset, ignore_rule_only, tuple(slots), tuple(loops)


@dataclass(slots=True)
class PastStates:
    """The states before each action, seen in one way; grows with the conversation."""

    domain: Domain
    look: Look
    _states: list[State] = field(default_factory=list)
    _settled: int = 0  # moments that are in `_states`, or hidden from them
    _last_action: dict[str, str] | None = None
    _hidden: bool = False
    _read_as: list[tuple[UserUttered, bool | None]] = field(default_factory=list)

    def up_to(self, settled: Sequence[tuple[Moment, bool]], present: Moment) -> list[State] | None:
        """All states; None when a message is read in another way than when they were made."""
        if any(as_ != message.use_text_for_featurization for message, as_ in self._read_as):
            return None
        for moment, hide in settled[self._settled :]:
            self._note(moment)
            state, self._last_action, self._hidden = self._next(moment, hide)
            self._states += [] if state is None else [state]
        self._settled = len(settled)
        state, _, _ = self._next(present, False)
        return _copied(self._states if state is None else [*self._states, state])

    def _note(self, moment: Moment) -> None:
        message = moment.latest_message
        if message is not None and (not self._read_as or self._read_as[-1][0] is not message):
            self._read_as.append((message, message.use_text_for_featurization))

    def _next(self, moment: Moment, hide: bool) -> tuple[State | None, dict[str, str] | None, bool]:
        """One turn of the loop in `Domain.states_for_tracker_history`, None for a hidden state."""
        omit_unset, ignore, slots, loops = self.look
        action, hidden = self._last_action, self._hidden
        if ignore:
            if not hidden:
                action = moment.latest_action
            if not moment.followup_action and moment.latest_action_name != moment.active_loop_name:
                hidden = hide
            if hidden:
                return None, action, hidden
        state: State = self.domain.get_active_state(moment, omit_unset_slots=omit_unset)
        if ignore:
            data = {RULE_ONLY_SLOTS: list(slots), RULE_ONLY_LOOPS: list(loops)}
            Domain._remove_rule_only_features(state, data)
            if self._states:
                Domain._substitute_rule_only_user_input(state, self._states[-1])
            if action:
                state[PREVIOUS_ACTION] = action
        return Domain._clean_state(state), action, hidden


def _copied(states: Sequence[State]) -> list[State]:
    """`states` with parts of their own; a part that two of them share is shared by their copies."""
    parts: dict[int, dict[str, Any]] = {}
    return [
        {name: parts.setdefault(id(part), dict(part)) for name, part in state.items()}
        for state in states
    ]
