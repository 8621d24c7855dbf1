"""How far the policies of the loaded model look back, read from the model itself.

The answer decides how much of a session a turn reads. It must never be too small: for a policy whose
reach is not known the answer is None, and every turn reads the whole session.
"""

from __future__ import annotations

import json
from typing import Any

from rasa.core.policies.memoization import AugmentedMemoizationPolicy, MemoizationPolicy
from rasa.core.policies.policy import Policy
from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.core.processor import MessageProcessor

from gatehouse.tracker.window import Needs


def needs_of(processor: MessageProcessor) -> Needs | None:
    """What the policies of `processor` (rasa 3.6.21) look at; None when one may look at anything.

    A policy of one's own says its reach with an attribute `looks_back`, in states.
    """
    try:
        nodes = processor.graph_runner._instantiated_nodes.values()
        policies = [n._component for n in nodes if isinstance(n._component, Policy)]
    except AttributeError:  # not the graph runner that this was written for
        return None
    if not policies:
        return None
    reaches = [_reach(policy) for policy in policies]
    if any(reach is None for reach in reaches):
        return None
    found = [reach for reach in reaches if reach is not None]
    return Needs(
        states=max(states for states, _ in found), visible=max(visible for _, visible in found)
    )


def _reach(policy: Any) -> tuple[int, int] | None:
    """How many states of all turns, and how many of visible turns, `policy` looks at."""
    if type(policy) is RulePolicy:
        return _longest_rule(policy.lookup), 0
    if type(policy) in (MemoizationPolicy, AugmentedMemoizationPolicy):
        history = policy.config.get("max_history")
        if not history:
            return None
        if not policy.lookup:
            return 1, 0
        # The augmented one trims by actions of any turn before it looks.
        return (1, history) if type(policy) is MemoizationPolicy else (history + 1, history)
    looks_back = getattr(policy, "looks_back", None)
    return (looks_back, 0) if isinstance(looks_back, int) else None


def _longest_rule(lookup: dict[str, Any]) -> int:
    keys = [
        *lookup.get(RULES, {}),
        *lookup.get(RULES_FOR_LOOP_UNHAPPY_PATH, {}),
        *(key for key in lookup.get("rules_not_in_stories", []) if key.startswith("[")),
    ]
    return max((len(json.loads(key)) for key in keys), default=1)
