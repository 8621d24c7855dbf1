"""Finds every case in which two sets of rules answer differently.

Fixes one fact after the other and stops as soon as both sets have the same rules left, so that the
work follows the edit and not the number of rules. What is left at the end is asked of the engine
itself. Every difference is found and none is made up; when that would take too long the search
refuses (`TooLarge`) and never guesses.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gatehouse.policy.diff.dimensions import ASSURANCE, TooLarge, request_with
from gatehouse.policy.diff.residual import ROLE, reduced, with_class
from gatehouse.policy.diff.space import GAP, Lists, Space
from gatehouse.policy.diff.strictness import Answer
from gatehouse.policy.model import Request

# The stated size: so many questions are asked of the engine, at most.
MOST_CASES = 200_000
Classes = dict[str, frozenset[int]]


class Budget:
    """Counts the questions of one comparison."""

    def __init__(self, most: int = MOST_CASES) -> None:
        self.most = most
        self.used = 0

    def spend(self, cases: int = 1) -> None:
        """Raises `TooLarge` when there were too many."""
        self.used += cases
        if self.used > self.most:
            raise TooLarge(
                f"the policies differ in more than can be compared exactly ({self.most:,} cases)",
                "compare smaller edits one after the other",
            )


@dataclass(frozen=True, eq=False)
class Difference:
    """Requests that are answered differently: all those in `classes` (a dimension that is not
    named does not matter), with both answers."""

    classes: Mapping[str, frozenset[int]]
    before: Answer
    after: Answer


def differences(space: Space, budget: Budget) -> list[Difference]:
    """All differences in `space`, in as few parts as they can easily be told."""
    found = _Search(space, budget).split(*space.sides, {})
    return _merged(found, space)


class _Search:
    def __init__(self, space: Space, budget: Budget) -> None:
        self._space = space
        self._budget = budget
        self._same_frame = space.frames[0] == space.frames[1]

    def split(self, before: Lists, after: Lists, fixed: dict[str, int]) -> Iterator[Difference]:
        """The differences among the requests in the classes `fixed`."""
        self._budget.spend()
        before, after = _reduced(before), _reduced(after)
        if self._same_frame and before == after:
            return
        name = _next(before, after)
        if not name:
            yield from self._ask(fixed)
            return
        for number in range(self._space.size(name)):
            yield from self.split(
                _fixed(before, name, number), _fixed(after, name, number), {**fixed, name: number}
            )

    def _ask(self, fixed: dict[str, int]) -> Iterator[Difference]:
        """The differences when nothing but the second factor is open."""
        space = self._space
        for rest in _products(
            {name: space.size(name) for name in (ASSURANCE, GAP) if name not in fixed}
        ):
            classes = {**fixed, **rest}
            request = request_of(space, classes)
            if request is None:
                continue
            self._budget.spend()
            before, after = (
                Answer.of(policies.decide(request)) for policies in (space.before, space.after)
            )
            if before != after:
                named = {name: frozenset({one}) for name, one in classes.items()}
                yield Difference(named, before, after)


def _products(sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
    for numbers in itertools.product(*(range(size) for size in sizes.values())):
        yield dict(zip(sizes, numbers, strict=True))


def request_of(space: Space, fixed: Mapping[str, int]) -> Request | None:
    """A request in the classes `fixed`, as ordinary as possible; None when there is none."""
    facts = dict(space.base)
    for name, number in fixed.items():
        if name in space.dimensions:
            item = space.dimensions[name]
            item.put(facts, item.values[number])
    facts["roles"] = _roles(space, fixed)
    if space.runner_up:
        distance, won = space.gaps[fixed.get(GAP, 0)], facts["confidence"]
        if distance and (won is None or won < distance):
            return None
        facts["runners_up"] = ((space.runner_up, 1.0 if won is None else won - distance),)
    return request_with(facts)


def _roles(space: Space, fixed: Mapping[str, int]) -> frozenset[str]:
    """Roles as `fixed` asks for; those of a usual account if there is one."""
    wanted = {name.removeprefix(ROLE): one for name, one in fixed.items() if name.startswith(ROLE)}
    for policies in (space.after, space.before):
        for roles in policies.vocabulary.comes_with.values():
            if fits(space, roles, wanted):
                return roles
    return frozenset(role for role, one in wanted.items() if one)


def fits(space: Space, roles: Iterable[str], wanted: Mapping[str, int]) -> bool:
    """Whether somebody with `roles` has, of each group of roles, what `wanted` says."""
    groups = {space.roles[role] for role in roles if role in space.roles}
    return all((group in groups) == bool(one) for group, one in wanted.items())


def _reduced(lists: Lists) -> Lists:
    """Those rules that can still count; a runner-up does not when the intent itself is refused."""
    own, *others = (reduced(rules) for rules in lists)
    refused = not own or (len(own) == 1 and own[0].effect == "deny" and own[0].certain)
    return (own, *(() if refused else rules for rules in others))


def _fixed(lists: Lists, name: str, number: int) -> Lists:
    return tuple(
        tuple(left for item in rules if (left := with_class(item, name, number)) is not None)
        for rules in lists
    )


def _next(before: Lists, after: Lists) -> str:
    """The dimension on which most of the rules depend that the sets do not share; empty: none."""
    counted: Counter[str] = Counter()
    for one, other in zip(before, after, strict=True):
        for item in set(one) ^ set(other):
            counted.update(item.dimensions())
    if not counted:
        for item in itertools.chain(*before, *after):
            counted.update(item.dimensions())
    return min(counted, key=lambda name: (-counted[name], name), default="")


def _merged(found: Iterable[Difference], space: Space) -> list[Difference]:
    """Differences that are alike but for one fact, put together."""
    by_answers: dict[tuple[Answer, Answer], list[Classes]] = {}
    for item in found:
        by_answers.setdefault((item.before, item.after), []).append(dict(item.classes))
    merged: list[Difference] = []
    for (before, after), boxes in by_answers.items():
        merged.extend(Difference(box, before, after) for box in _union(boxes, space))
    return merged


def _union(boxes: list[Classes], space: Space) -> list[Classes]:
    while True:
        count = len(boxes)
        for name in sorted({name for box in boxes for name in box}):
            boxes = _union_along(boxes, name, space.size(name))
        if len(boxes) == count:
            return boxes


def _union_along(boxes: list[Classes], name: str, size: int) -> list[Classes]:
    groups: dict[frozenset[tuple[str, frozenset[int]]], frozenset[int]] = {}
    found: list[Classes] = []
    for box in boxes:
        if name not in box:
            found.append(box)
            continue
        rest = frozenset((other, classes) for other, classes in box.items() if other != name)
        groups[rest] = groups.get(rest, frozenset()) | box[name]
    for rest, classes in groups.items():
        found.append(dict(rest) if len(classes) == size else {**dict(rest), name: classes})
    return found
