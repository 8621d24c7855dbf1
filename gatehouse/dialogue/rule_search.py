"""Looks for the rule that applies among those that can, not among all of them.

`RulePolicy` of rasa 3.6.21 compares every rule of the model with every state of the conversation,
at each of three predictions per message. Which rules are left after the newest state alone is known
beforehand from the action and the intent that they end on. Rasa's own comparison decides among those;
nothing here may leave out a rule that it would accept.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.constants import PREVIOUS_ACTION, SHOULD_NOT_BE_SET, USER
from rasa.shared.nlu.constants import ACTION_NAME, INTENT

from gatehouse.errors import NotReady

Ending = tuple[str | None, str | None]  # action and intent of the newest state; None for any

_INDEX: Final = "_gatehouse_rules"
_stock = RulePolicy._get_possible_keys


def apply() -> None:
    """Replace the search of `RulePolicy`; safe to call twice."""
    if set(inspect.signature(_stock).parameters) != {"self", "lookup", "states"}:
        raise NotReady("this is not the Rasa that Gatehouse was written for (RulePolicy)")
    RulePolicy._get_possible_keys = _possible_keys


def restore() -> None:
    """Put Rasa's own search back; for tests."""
    RulePolicy._get_possible_keys = _stock


def _possible_keys(
    self: RulePolicy, lookup: dict[str, str], states: list[dict[str, Any]]
) -> set[str]:
    if not states:
        return set(_stock(self, lookup, states))
    known = self.__dict__.setdefault(_INDEX, {})
    found = known.get(id(lookup))
    # The lookup is kept beside its index, so that no other one can take its id.
    if found is None or found[0] is not lookup or found[1] != len(lookup):
        found = known[id(lookup)] = (lookup, len(lookup), _by_ending(self, lookup))
    by_ending = found[2]
    left = {key: "" for ending in _endings(states[-1]) for key in by_ending.get(ending, ())}
    return set(_stock(self, left, states))


def _by_ending(policy: RulePolicy, lookup: dict[str, str]) -> dict[Ending, list[str]]:
    index: dict[Ending, list[str]] = {}
    for key in lookup:
        index.setdefault(_ending_of(policy._rule_key_to_state(key)), []).append(key)
    return index


def _ending_of(rule: list[dict[str, Any]]) -> Ending:
    """What the newest state has to have for `rule`; a start of a conversation is not compared."""
    newest = rule[-1] if rule else {}
    if not newest.get(PREVIOUS_ACTION):
        return None, None
    return (
        _required(newest.get(PREVIOUS_ACTION), ACTION_NAME),
        _required(newest.get(USER), INTENT),
    )


def _required(part: dict[str, Any] | None, name: str) -> str | None:
    value = (part or {}).get(name)
    return value if isinstance(value, str) and value and value != SHOULD_NOT_BE_SET else None


def _endings(state: dict[str, Any]) -> Iterator[Ending]:
    action = (state.get(PREVIOUS_ACTION) or {}).get(ACTION_NAME)
    intent = (state.get(USER) or {}).get(INTENT)
    for one in dict.fromkeys((action, None)):
        for other in dict.fromkeys((intent, None)):
            yield one, other
