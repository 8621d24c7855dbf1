"""What an edit takes away from the policy tests: expectations that stopped an edit before it.

A policy test is a promise that something stays closed. Taking it away changes no decision, which is
why a comparison of decisions cannot see it, and why somebody who wants to open something would do
it first. Only what a test *forbids* counts here: how open the answer to one question may be at most,
whatever the test is called, in whichever file it stands. This module must never call a promise kept
because the rules happen to keep it today.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from gatehouse.policy.cases import EFFECTS, Case
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.model import Principal, Request

# What an edit does to decisions; `loosens`: nobody gets more, but the policy tests forbid less.
Verdict = Literal["same", "words", "narrows", "loosens", "widens", "mixed"]
HARMLESS: frozenset[Verdict] = frozenset({"same", "words", "narrows"})
_AT_MOST = {
    "deny": "a refusal",
    "step_up": "a code or a refusal",
    "allow": "any answer",
    "": "no test says what",
}
_FIELDS = tuple(field.name for field in fields(Request))


@dataclass(frozen=True, slots=True)
class Lost:
    """Expectations of one test that no test of the edit makes any more.

    `was` is what the answer could be at most, `now` what it may be: empty when nothing tests it.
    `questions` are pairs of a person, as the test names them, and an intent.
    """

    name: str
    where: str
    was: str
    now: str
    questions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        people, intents = (tuple(dict.fromkeys(part)) for part in zip(*self.questions, strict=True))
        return (
            f"{self.name}: {_some(people)} asking {_some(intents)} "
            f"had to get {_AT_MOST[self.was]}, now {_AT_MOST[self.now]}"
        )

    def as_dict(self) -> dict[str, object]:
        """The loss for `--json`."""
        return {
            "test": self.name,
            "file": self.where,
            "at_most": self.was,
            "now": self.now or None,
            "questions": [list(pair) for pair in self.questions],
        }


def lost(before: PolicySet, after: PolicySet) -> tuple[Lost, ...]:
    """What the tests of `before` forbid and those of `after` do not, test by test."""
    left = _limits(after.tests)
    found: dict[tuple[str, str, str, str], dict[tuple[str, str], None]] = {}
    for question, case in _limits(before.tests).items():
        still = left.get(question)
        if EFFECTS.index(case.expect) > (EFFECTS.index(still.expect) if still else 0):
            key = case.name, str(case.where), case.expect, still.expect if still else ""
            found.setdefault(key, {})[case.person, case.request.intent] = None
    return tuple(Lost(*key, tuple(questions)) for key, questions in found.items())


def with_tests(access: Verdict, given_up: tuple[Lost, ...]) -> Verdict:
    """The verdict on decisions, or `loosens` when only the policy tests give something up."""
    return "loosens" if given_up and access in HARMLESS else access


def _limits(tests: Iterable[Case]) -> dict[Hashable, Case]:
    """Of every question the case that expects the strictest answer."""
    found: dict[Hashable, Case] = {}
    for case in tests:
        question = _question(case.request)
        first = found.get(question)
        if first is None or EFFECTS.index(case.expect) > EFFECTS.index(first.expect):
            found[question] = case
    return found


def _question(request: Request) -> Hashable:
    """What is asked, whoever the test calls the one who asks."""
    return tuple(_hashable(getattr(request, name)) for name in _FIELDS)


def _hashable(value: object) -> Hashable:
    if isinstance(value, Principal):
        return replace(value, id="")
    if isinstance(value, Mapping):
        return frozenset(value.items())
    assert isinstance(value, Hashable)
    return value


def _some(names: tuple[str, ...], most: int = 6) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
