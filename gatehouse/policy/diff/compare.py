"""Compares two sets of rules, intent by intent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from gatehouse.policy.diff.dimensions import ASSURANCE
from gatehouse.policy.diff.result import Change, Comparison, Kept
from gatehouse.policy.diff.search import (
    MOST_CASES,
    Budget,
    Difference,
    differences,
    request_of,
)
from gatehouse.policy.diff.space import Space, more_protected, space_of
from gatehouse.policy.diff.strictness import Answer
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.guards import Verdict, lost
from gatehouse.policy.model import Stage

STAGES: tuple[Stage, ...] = ("intent", "resource")


def compare(
    before: PolicySet,
    after: PolicySet,
    *,
    since: datetime | None = None,
    most_cases: int = MOST_CASES,
) -> Comparison:
    """Every decision that `after` makes differently; those from the aware time `since` on, if given.

    Raises `TooLarge` when more than `most_cases` questions would have to be looked at, or when a
    condition does not say where its answer changes.
    """
    return _Work(before, after, since, Budget(most_cases)).comparison()


def verdict(before: PolicySet, after: PolicySet, since: datetime | None = None) -> Verdict:
    """What the edit amounts to, from `since` on if given (see `Verdict`). Raises `TooLarge`."""
    return compare(before, after, since=since).verdict


class _Work:
    def __init__(
        self, before: PolicySet, after: PolicySet, since: datetime | None, budget: Budget
    ) -> None:
        self._before, self._after = before, after
        self._since = since
        self._budget = budget
        self._found: dict[object, tuple[Space, list[Difference]]] = {}
        self._intents = list(dict.fromkeys([*after.intents, *before.intents]))

    def comparison(self) -> Comparison:
        """All changes, in the order of the intents."""
        changes: list[Change] = []
        for intent in self._intents:
            for stage in STAGES:
                changes.extend(self._changes(intent, stage))
        changed = {change.intent for change in changes if change.stage == "intent"}
        for intent in self._intents:
            for other in self._intents:
                if self._counts(intent, other, changed):
                    changes.extend(self._changes(intent, "intent", other))
        return Comparison(
            self._before.revision,
            self._after.revision,
            tuple(changes),
            tuple(self._retention()),
            self._budget.used,
            lost(self._before, self._after),
            tuple(self._accounts()),
        )

    def _changes(self, intent: str, stage: Stage, runner_up: str = "") -> list[Change]:
        kind = self._kind(intent), stage, self._kind(runner_up)
        if kind not in self._found:
            space = space_of(self._before, self._after, intent, stage, runner_up, self._since)
            self._found[kind] = space, differences(space, self._budget)
        space, found = self._found[kind]
        if (space.intent, space.runner_up) == (intent, runner_up):
            return [Change(space, _ordered(one.classes), one.before, one.after) for one in found]
        alike = space.of(intent, runner_up)
        return [self._alike(alike, one.classes) for one in found]

    def _kind(self, intent: str) -> object:
        """Equal for requests that both sets treat alike, so that one search does for all of them."""
        kinds = []
        for policies in (self._before, self._after):
            info = policies.intents.get(intent)
            rules = tuple(id(rule) for rule in policies.rules_for(intent))
            continues = intent in policies.vocabulary.runner_up.continues
            kinds.append((rules, continues, info and (info.about, info.protection)))
        return tuple(kinds)

    def _alike(self, space: Space, classes: Mapping[str, frozenset[int]]) -> Change:
        """The change that was found for a request that is treated alike; only names differ."""
        self._budget.spend()
        request = request_of(space, {name: min(numbers) for name, numbers in classes.items()})
        assert request is not None, "the other request had an example, too"
        before, after = (
            Answer.of(policies.decide(request)) for policies in (space.before, space.after)
        )
        return Change(space, _ordered(classes), before, after)

    def _counts(self, intent: str, other: str, changed: set[str]) -> bool:
        """Whether a close runner-up `other` can make a difference of its own."""
        counted = [more_protected(one, intent, other) for one in (self._before, self._after)]
        if not any(counted):
            return False
        if counted[0] != counted[1] or not changed.isdisjoint({intent, other}):
            return True
        one, two = (policies.vocabulary.runner_up for policies in (self._before, self._after))
        return (one.margin, one.say) != (two.margin, two.say)

    def _accounts(self) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
        before, after = (one.vocabulary.comes_with for one in (self._before, self._after))
        for role in before.keys() & after.keys():
            if before[role] != after[role]:
                yield role, before[role] - {role}, after[role] - {role}

    def _retention(self) -> list[Kept]:
        kept = [
            Kept(intent, self._before.retention_of(intent), self._after.retention_of(intent))
            for intent in self._intents
        ]
        return [item for item in kept if item.before != item.after]


def _ordered(classes: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    """By name, the second factor last: as a sentence tells them, and always alike."""
    return dict(sorted(classes.items(), key=lambda item: (item[0] == ASSURANCE, item[0])))
