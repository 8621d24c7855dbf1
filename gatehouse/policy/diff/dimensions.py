"""The facts that two sets of rules tell apart, each with the few values that stand for all.

A value stands for every other one to which all conditions give the same answers, in both sets.
Built from the cuts of the conditions and then asked of the conditions themselves, so the classes
are those of the rules and not of a second reading of them. A condition without cuts, or with a
fact that is not known here, must end the comparison: nothing may be left out silently.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from gatehouse.errors import InvalidInput
from gatehouse.policy.assurance import satisfied
from gatehouse.policy.cuts import Between, Includes, OneOf, WallClock
from gatehouse.policy.diff.moments import moments
from gatehouse.policy.engine import FRESH
from gatehouse.policy.model import LEVEL_NUMBER, SUBJECTS, Principal, Request, StepUpTerms
from gatehouse.policy.verdicts import Clause

MOST_NAMES = 12
ASSURANCE = "assurance"
_ASSURANCE_FACTS = ("aal", "aal_age")
_WHOLE = frozenset({"refusals", "failed_codes", "aal"})
_FRACTIONS = frozenset({"confidence", "margin"})
_REQUEST_FIELDS = frozenset(field.name for field in fields(Request))
_PERSON_FIELDS = tuple(field.name for field in fields(Principal))
_OWN_FIELDS = tuple(field.name for field in fields(Request) if field.name != "principal")
# Policies have six decimals at most, so nothing lies between a limit and this far below it.
BELOW = 1e-7

Facts = dict[str, Any]
Put = Callable[[Facts, Any], None]
Answers = Callable[[Request], tuple[Any, ...]]


class TooLarge(InvalidInput):
    """The policies tell apart more than can be compared exactly; treat the edit as widening."""


@dataclass(frozen=True, eq=False)
class Dimension:
    """One fact: `values` has one for each class, `put` sets it among the facts of a request.

    `answers` are those of all conditions on the fact; requests of one class give the same.
    """

    name: str
    values: tuple[Any, ...]
    put: Put
    answers: Answers
    by_answers: dict[tuple[Any, ...], int]

    def request(self, base: Facts, number: int) -> Request:
        """The request with the facts `base` and this one in class `number`."""
        facts = dict(base)
        self.put(facts, self.values[number])
        return request_with(facts)


def facts_of(request: Request) -> Facts:
    """The facts of `request` by name, those of the person among them."""
    facts = {name: getattr(request, name) for name in _OWN_FIELDS}
    return facts | {name: getattr(request.principal, name) for name in _PERSON_FIELDS}


def request_with(facts: Facts) -> Request:
    """The request that has these facts."""
    person = Principal(**{name: facts[name] for name in _PERSON_FIELDS})
    return Request(principal=person, **{name: facts[name] for name in _OWN_FIELDS})


def dimension(
    name: str, candidates: Iterable[Any], put: Put, answers: Answers, base: Facts
) -> Dimension:
    """The dimension with one of `candidates` for each class, the first one that is in it."""
    values: list[Any] = []
    seen: dict[tuple[Any, ...], int] = {}
    for value in candidates:
        facts = dict(base)
        put(facts, value)
        found = answers(request_with(facts))
        if found not in seen:
            seen[found] = len(values)
            values.append(value)
    return Dimension(name, tuple(values), put, answers, seen)


def dimension_name(fact: str) -> str:
    """The dimension in which `fact` lies."""
    return ASSURANCE if fact in _ASSURANCE_FACTS else fact


def fact_dimension(
    fact: str,
    clauses: Sequence[Clause],
    base: Facts,
    listed: Iterable[str],
    since: datetime | None,
) -> Dimension:
    """The dimension of `fact` for all `clauses` on it. `listed` are its words in the vocabulary."""
    put = _put(fact)
    tests = [clause.test for clause in clauses]

    def answers(request: Request) -> tuple[int, ...]:
        return tuple(test(request, request.subject) for test in tests)

    found = _candidates(fact, clauses, listed, since)
    ordinary = _get(fact, base)
    first = [] if ordinary is None or (fact == "at" and since and ordinary < since) else [ordinary]
    # What is asked of a server has a time; "from a day on" says nothing of a request without one.
    unknown = [] if fact == "at" and since else [None]
    return dimension(fact, [*first, *found, *unknown], put, answers, base)


def assurance_dimension(
    clauses: Sequence[Clause], terms: Iterable[StepUpTerms], base: Facts
) -> Dimension:
    """Level and age of the second factor, for the conditions on them and for all `terms`.

    Of another meaning of the message, terms for every request ask for a fresh code instead.
    """
    fresh = FRESH if base["stage"] == "intent" else 0
    ages_of = ((item.level, item.max_age or fresh) for item in terms)
    wanted = sorted({(level, age) for level, age in ages_of if age})
    bare = [StepUpTerms(level, age) for level, age in wanted]
    cuts = [clause for clause in clauses if clause.fact == "aal_age"]
    ages = _numbers("aal_age", {float(age) for _, age in wanted} | _limits(cuts), lowest=0.0)
    levels = {1, *LEVEL_NUMBER.values()}
    for number in _limits([clause for clause in clauses if clause.fact == "aal"]):
        levels |= {int(number) - 1, int(number), int(number) + 1}
    known = sorted(level for level in levels if level >= 0)
    pairs: list[tuple[int | None, float | None]] = [(1, None)]
    pairs += [(level, age) for level in reversed(known) for age in ages]
    pairs += [(level, None) for level in known]
    pairs += [(None, age) for age in (*ages, None)]
    tests = [clause.test for clause in clauses]

    def answers(request: Request) -> tuple[Any, ...]:
        return (
            *(test(request, request.subject) for test in tests),
            *(satisfied(request, item) for item in bare),
        )

    return dimension(ASSURANCE, pairs, _put_assurance, answers, base)


def _put_assurance(facts: Facts, value: tuple[int | None, float | None]) -> None:
    facts["aal"], facts["aal_age"] = value


def _put(fact: str) -> Put:
    kind, _, name = fact.partition(".")
    if name and kind in {*_REQUEST_FIELDS, *_PERSON_FIELDS}:

        def put_below(facts: Facts, value: Any) -> None:
            rest = {key: old for key, old in facts[kind].items() if key != name}
            facts[kind] = rest if value is None else {**rest, name: value}

        return put_below
    if fact in ({*_REQUEST_FIELDS, *_PERSON_FIELDS}) - {"id", "intent", "principal", "stage"}:

        def put(facts: Facts, value: Any) -> None:
            facts[fact] = value

        return put
    raise TooLarge(f"conditions on `{fact}` cannot be compared")


def _get(fact: str, facts: Facts) -> Any:
    kind, _, name = fact.partition(".")
    return facts[kind].get(name) if name else facts[kind]


def _candidates(
    fact: str, clauses: Sequence[Clause], listed: Iterable[str], since: datetime | None
) -> list[Any]:
    cuts = [clause.cuts for clause in clauses]
    if None in cuts:
        raise TooLarge(f"a condition on `{fact}` cannot be compared")
    if fact == "subject":
        return list(SUBJECTS)
    clocks = [cut for cut in cuts if isinstance(cut, WallClock)]
    if clocks:
        return list(moments(clocks, since))
    names = {name for cut in cuts if isinstance(cut, Includes) for name in cut.names}
    if names:
        return _subsets(fact, sorted(names))
    values = {value for cut in cuts if isinstance(cut, OneOf) for value in cut.values}
    found: list[Any] = list(listed)  # a word that no vocabulary lists is like none at all
    numbers = {float(value) for value in values if type(value) in (int, float)} | _limits(clauses)
    if numbers:
        lowest = -math.inf if "." in fact else 0.0
        found += _numbers(fact, numbers, lowest, 1.0 if fact in _FRACTIONS else math.inf)
    if any(isinstance(value, bool) for value in values):
        found += [True, False]
    texts = sorted(value for value in values if isinstance(value, str))
    if texts and not found:
        found += [*texts, _another(texts)]
    return found


def _limits(clauses: Sequence[Clause]) -> set[float]:
    found: set[float] = set()
    for clause in clauses:
        if isinstance(clause.cuts, Between):
            found |= {clause.cuts.low, clause.cuts.high}
        elif isinstance(clause.cuts, OneOf):
            found |= {float(v) for v in clause.cuts.values if type(v) in (int, float)}
    return {number for number in found if math.isfinite(number)}


def _numbers(
    fact: str, limits: set[float], lowest: float = -math.inf, highest: float = math.inf
) -> list[float | int]:
    """The limits, and then one number in every gap: below each limit, and above the last."""
    found: set[float] = set(limits)
    before = -math.inf
    for limit in sorted(limits):
        # As round as possible; a confidence as high as possible, so that a margin fits below it.
        steps = (BELOW,) if fact in _FRACTIONS else (1.0, 0.01, BELOW)
        inside = (
            limit - step for step in steps if limit - step > before and limit - step >= lowest
        )
        found.update(itertools.islice(inside, 1))
        before = limit
    found.add(min(before + 1, highest))
    inside = (number for number in found if lowest <= number <= highest)
    kept = sorted(inside, key=lambda number: (number not in limits, number))
    return (
        [int(number) for number in kept if number == int(number)] if fact in _WHOLE else list(kept)
    )


def _subsets(fact: str, names: list[str]) -> list[frozenset[str]]:
    if len(names) > MOST_NAMES:
        raise TooLarge(
            f"conditions on `{fact}` name {len(names)} requests",
            f"{MOST_NAMES} for one request can be compared",
        )
    sizes = range(len(names) + 1)
    return [frozenset(part) for size in sizes for part in itertools.combinations(names, size)]


def _another(texts: list[str]) -> str:
    """A text that is none of `texts`."""
    return next(word for n in itertools.count() if (word := f"other{n or ''}") not in texts)
