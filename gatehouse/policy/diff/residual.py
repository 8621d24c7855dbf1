"""What is left of a rule when some facts are known.

While the search fixes one fact after the other, rules that cannot match any more disappear and
conditions that hold are ticked off. Two sets whose remaining rules are equal decide equally,
whatever the other facts are. Only what the engine can never count may be dropped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse.policy.rules import Rule
from gatehouse.policy.verdicts import MISSING, NO, PENDING

ROLE = "role "
Condition = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Residual:
    """A rule and what is still open: roles to have or to lack, and conditions.

    `key` is everything the rule says apart from its conditions. A condition is a dimension and
    its answer for each class. `missing` and `pending`: a condition met without its fact.
    """

    key: tuple[Any, ...]
    effect: str
    needs: frozenset[str] | None
    lacks: frozenset[str]
    conditions: frozenset[Condition]
    missing: bool = False
    pending: bool = False

    @property
    def certain(self) -> bool:
        """Whether it matches whatever the other facts are."""
        return not (self.open or self.missing or self.pending)

    @property
    def open(self) -> bool:
        """Whether facts are still needed."""
        return self.needs is not None or bool(self.lacks or self.conditions)

    def dimensions(self) -> set[str]:
        """The dimensions that it still depends on."""
        roles = (self.needs or frozenset()) | self.lacks
        return {name for name, _ in self.conditions} | {ROLE + role for role in roles}


def residual(
    rule: Rule,
    roles: Mapping[str, str],
    conditions: Iterable[Condition],
    constant: Iterable[int],
) -> Residual | None:
    """`rule` with nothing known but its `constant` answers; None when one of them is no.

    `roles` maps a role to the one that stands for its group.
    """
    answers = set(constant)
    if NO in answers:
        return None
    terms = rule.step_up
    said = (rule.effect, rule.id, rule.why, rule.say, terms, rule.rank)
    return Residual(
        key=said,
        effect=rule.effect,
        needs=None
        if rule.roles is None
        else frozenset(roles[role] for role in rule.roles if role in roles),
        lacks=frozenset(roles[role] for role in rule.except_roles if role in roles),
        conditions=frozenset(conditions),
        missing=MISSING in answers,
        pending=PENDING in answers,
    )


def with_class(item: Residual, name: str, number: int) -> Residual | None:
    """What is left when the fact of dimension `name` is in class `number`; None: cannot match."""
    if name.startswith(ROLE):
        return _with_role(item, name.removeprefix(ROLE), has=number == 1)
    mine = [answers[number] for other, answers in item.conditions if other == name]
    if not mine:
        return item
    if NO in mine:
        return None
    return Residual(
        item.key,
        item.effect,
        item.needs,
        item.lacks,
        frozenset(one for one in item.conditions if one[0] != name),
        item.missing or MISSING in mine,
        item.pending or PENDING in mine,
    )


def _with_role(item: Residual, role: str, *, has: bool) -> Residual | None:
    if has and role in item.lacks:
        return None
    needs = item.needs
    if needs is not None and role in needs:
        needs = None if has else needs - {role}
    if needs is not None and not needs:
        return None
    if needs is item.needs and role not in item.lacks:
        return item
    return Residual(
        item.key,
        item.effect,
        needs,
        item.lacks - {role},
        item.conditions,
        item.missing,
        item.pending,
    )


def reduced(rules: Iterable[Residual]) -> tuple[Residual, ...]:
    """Those of `rules`, in their order, that can still count."""
    kept = [
        rule
        for rule in rules
        if not (rule.pending and rule.effect != "allow") and rule.needs != frozenset()
    ]
    for number, rule in enumerate(kept):
        if rule.effect == "deny" and rule.certain:
            # It wins unless another deny that comes before it turns out to match as surely.
            earlier = kept[:number]
            return (*(one for one in earlier if one.effect == "deny" and not one.missing), rule)
    if not any(rule.effect == "allow" and not rule.missing for rule in kept):
        # Nothing allows it: refused by default, or by a rule that says something of its own.
        kept = [rule for rule in kept if rule.effect == "deny"]
    return tuple(kept)
