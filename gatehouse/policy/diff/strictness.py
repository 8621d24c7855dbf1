"""Which of two answers is stricter: allow, then a second factor, then refusal.

Between two second factors the terms decide, part by part; terms that are stricter in one part and
looser in another are neither. This order is what *widens* and *narrows* mean, so nothing here may
call a looser answer the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gatehouse.policy.model import LEVEL_NUMBER, Decision, StepUpTerms

Direction = Literal["same", "words", "narrows", "widens", "mixed"]
_RANK = {"allow": 0, "step_up": 1, "deny": 2}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a decision says, without the revision and the facts that were missing."""

    effect: str
    terms: StepUpTerms | None
    say: str
    rule: str
    reason: str

    @classmethod
    def of(cls, decision: Decision) -> Answer:
        """The answer of `decision`."""
        return cls(decision.effect, decision.step_up, decision.say, decision.rule, decision.reason)

    def as_dict(self) -> dict[str, Any]:
        """The answer for `--json`."""
        terms = self.terms
        return {
            "effect": self.effect,
            "rule": self.rule,
            "say": self.say,
            "reason": self.reason,
            "step_up": terms
            and {
                "level": terms.level,
                "max_age": terms.max_age,
                "bind": list(terms.bind),
                "ask": terms.ask,
            },
        }


def direction(before: Answer, after: Answer) -> Direction:
    """How `after` differs: it *widens* when somebody gets more, *words* when only the text changed."""
    if before == after:
        return "same"
    if before.effect != after.effect:
        return "widens" if _RANK[after.effect] < _RANK[before.effect] else "narrows"
    if before.terms is None or after.terms is None or before.terms == after.terms:
        return "words"
    looser, stricter = _looser(before.terms, after.terms), _looser(after.terms, before.terms)
    if looser and stricter:
        return "mixed"
    return "widens" if looser else "narrows"


def together(directions: set[Direction]) -> Direction:
    """The direction of several changes."""
    if "mixed" in directions or {"widens", "narrows"} <= directions:
        return "mixed"
    order: tuple[Direction, ...] = ("widens", "narrows", "words")
    return next((one for one in order if one in directions), "same")


def _looser(before: StepUpTerms, after: StepUpTerms) -> bool:
    """Whether any part of `after` asks for less than `before` does."""
    return (
        LEVEL_NUMBER[after.level] < LEVEL_NUMBER[before.level]
        or after.max_age > before.max_age
        or not set(before.bind) <= set(after.bind)
        or (before.ask == "at_once" and after.ask == "at_confirmation")
    )
