"""One request of two sets of rules, turned into finitely many cases.

Takes the rules of both sets that name an intent (and, for a message that may as well mean another
one, those of the runner-up), and finds the roles and facts that any of them tells apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gatehouse.policy.diff.dimensions import (
    ASSURANCE,
    BELOW,
    Dimension,
    Facts,
    assurance_dimension,
    dimension_name,
    fact_dimension,
    facts_of,
    request_with,
)
from gatehouse.policy.diff.residual import ROLE, Condition, Residual, residual
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.model import PROTECTION, Stage
from gatehouse.policy.rules import Rule
from gatehouse.policy.situations import ordinary
from gatehouse.policy.verdicts import Clause
from gatehouse.policy.vocabulary import LISTS

GAP = "gap"
Lists = tuple[tuple[Residual, ...], ...]


@dataclass(frozen=True, eq=False)
class Space:
    """The cases of one intent at one stage.

    `dimensions` by name; `roles` maps every role that is told apart to the one that stands for its
    group; `sides` has the open rules of both sets, each for the intent and for the runner-up;
    `frames` what else decides, equal when both sets agree on it; `gaps` how far behind in
    confidence the runner-up is: within both margins, or only within the wider one.
    """

    intent: str
    stage: Stage
    runner_up: str
    base: Facts
    before: PolicySet
    after: PolicySet
    dimensions: Mapping[str, Dimension]
    roles: Mapping[str, str]
    sides: tuple[Lists, Lists]
    frames: tuple[object, object]
    gaps: tuple[float, ...] = (0.0,)

    def of(self, intent: str, runner_up: str) -> Space:
        """The same cases of another request that both sets treat alike."""
        return replace(
            self, intent=intent, runner_up=runner_up, base={**self.base, "intent": intent}
        )

    def size(self, name: str) -> int:
        """How many classes a dimension has; a role one has or lacks."""
        if name.startswith(ROLE):
            return 2
        if name == GAP:
            return len(self.gaps)
        return len(self.dimensions[name].values) if name in self.dimensions else 1


def space_of(
    before: PolicySet,
    after: PolicySet,
    intent: str,
    stage: Stage,
    runner_up: str = "",
    since: datetime | None = None,
) -> Space:
    """The cases of `intent`, with `runner_up` nearly as likely unless that is empty."""
    base = facts_of(replace(ordinary(after.vocabulary), intent=intent, stage=stage))
    if stage == "resource":
        known = after.intents.get(intent) or before.intents.get(intent)
        base["subject"] = known.about if known else "anyone"
    if runner_up:
        base["margin"] = 0.0
    asked = (intent, runner_up) if runner_up else (intent,)
    rules = [[policies.rules_for(name) for name in asked] for policies in (before, after)]
    every = [rule for side in rules for part in side for rule in part]
    roles = _groups(every, {*before.roles, *after.roles})
    dimensions = _dimensions(before, after, every, base, since)
    sides = []
    for policies, side in zip((before, after), rules, strict=True):
        lists = []
        for name, part in zip(asked, side, strict=True):
            info = policies.intents.get(name)
            about = base["subject"] if stage == "resource" else info.about if info else None
            counts = name == intent or more_protected(policies, intent, name)
            found = (_open(rule, roles, dimensions, base, about) for rule in part if counts)
            lists.append(tuple(item for item in found if item is not None))
        sides.append(tuple(lists))
    return Space(
        intent,
        stage,
        runner_up,
        base,
        before,
        after,
        dimensions,
        roles,
        (sides[0], sides[1]),
        (_frame(before, asked), _frame(after, asked)),
        _gaps(before, after),
    )


def _gaps(before: PolicySet, after: PolicySet) -> tuple[float, ...]:
    narrow, wide = sorted(policies.vocabulary.runner_up.margin for policies in (before, after))
    return (0.0,) if narrow == wide else (0.0, narrow + BELOW)


def more_protected(policies: PolicySet, intent: str, other: str) -> bool:
    """Whether a runner-up `other` counts against `intent` at all."""
    one, two = policies.intents.get(intent), policies.intents.get(other)
    if one is None or intent in policies.vocabulary.runner_up.continues:
        return False
    if two is None:
        return True
    return PROTECTION.index(two.protection) > PROTECTION.index(one.protection)


def _frame(policies: PolicySet, asked: Sequence[str]) -> tuple[object, ...]:
    """Everything apart from the rules that a decision on these intents depends on."""
    known = tuple(name in policies.intents for name in asked)
    if len(asked) == 1:
        return known, policies.vocabulary.refusal
    settings = policies.vocabulary.runner_up
    counts = more_protected(policies, *asked)
    return known, policies.vocabulary.refusal, counts, settings.say, settings.margin


def _groups(rules: Iterable[Rule], roles: set[str]) -> dict[str, str]:
    """Each role that a rule names, with the first of those that all rules name together."""
    every = list(rules)
    first: dict[tuple[tuple[bool, bool], ...], str] = {}
    found: dict[str, str] = {}
    for role in sorted(roles):
        named = tuple(
            (rule.roles is not None and role in rule.roles, role in rule.except_roles)
            for rule in every
        )
        if any(one or two for one, two in named):
            found[role] = first.setdefault(named, role)
    return found


def _dimensions(
    before: PolicySet,
    after: PolicySet,
    rules: Sequence[Rule],
    base: Facts,
    since: datetime | None,
) -> dict[str, Dimension]:
    by_fact: dict[str, list[Clause]] = {}
    for rule in rules:
        for clause in rule.clauses:
            if not _constant(clause, base):
                by_fact.setdefault(dimension_name(clause.fact), []).append(clause)
    terms = [rule.step_up for rule in rules if rule.step_up is not None]
    found = {ASSURANCE: assurance_dimension(by_fact.pop(ASSURANCE, []), terms, base)}
    for fact, clauses in by_fact.items():
        listed = _listed(fact, before, after)
        found[fact] = fact_dimension(fact, clauses, base, listed, since)
    return {name: item for name, item in found.items() if len(item.values) > 1}


def _listed(fact: str, *sets: PolicySet) -> list[str]:
    name = f"{fact}s"
    if name not in LISTS:
        return []
    return list(dict.fromkeys(word for one in sets for word in one.vocabulary.lists[name]))


def _constant(clause: Clause, base: Facts) -> bool:
    """Whether the stage settles the answer: nothing of the record is known at the intent stage."""
    return base["stage"] == "intent" and clause.fact.partition(".")[0] in ("subject", "resource")


def _open(
    rule: Rule,
    roles: Mapping[str, str],
    dimensions: Mapping[str, Dimension],
    base: Facts,
    about: str | None,
) -> Residual | None:
    conditions: list[Condition] = []
    constant: list[int] = []
    for clause in rule.clauses:
        item = dimensions.get(dimension_name(clause.fact))
        if item is None or _constant(clause, base):
            constant.append(clause.test(request_with(base), about))
            continue
        asked = [item.request(base, number) for number in range(len(item.values))]
        conditions.append((item.name, tuple(clause.test(one, one.subject) for one in asked)))
    return residual(rule, roles, conditions, constant)
