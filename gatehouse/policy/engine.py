"""Decides. A `PolicySet` is a checked, compiled and immutable set of rules.

How rules combine:

1. A matching deny wins over everything.
2. Otherwise some allow rule must match, or the default denies.
3. Otherwise every matching rule that asks for a second factor counts, whether it allows too or not,
   and the strictest terms apply: the highest level, the shortest age, all bound values, at once
   before at confirmation. An allow rule without step-up never cancels the step-up of another one.
4. At the intent stage, a more protected runner-up within the margin is decided as well and the
   stricter answer applies.

A fact that is missing keeps an allow rule from matching and makes a deny or step-up rule match.
`decide` is pure, never raises, and answers deny when anything unexpected happens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from gatehouse.policy.assurance import satisfied, strictest, unknown_assurance
from gatehouse.policy.errors import Problem
from gatehouse.policy.model import PROTECTION, Decision, IntentInfo, Request
from gatehouse.policy.program import Program
from gatehouse.policy.rules import Rule
from gatehouse.policy.verdicts import HOLDS, Outcome, evaluate
from gatehouse.policy.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gatehouse.policy.cases import Case

_STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}
FRESH = 60


class PolicySet:
    """The rules of one revision.

    `revision` is the SHA-256 of the files in hexadecimal, `tests` what the policy tests beside the
    rules expect, `facts` what the conditions of all rules ask about.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        rules: Iterable[Rule],
        revision: str,
        warnings: tuple[Problem, ...] = (),
        tests: tuple[Case, ...] = (),
    ) -> None:
        self.vocabulary = vocabulary
        self.rules = tuple(sorted(rules, key=lambda rule: rule.rank))
        self.revision = revision
        self.warnings = warnings
        self.tests = tests
        self.facts = frozenset(clause.fact for rule in self.rules for clause in rule.clauses)
        self._by_intent = _index(self.rules)
        self._programs = {name: Program(found) for name, found in self._by_intent.items()}

    @property
    def intents(self) -> Mapping[str, IntentInfo]:
        """What is known about every intent."""
        return self.vocabulary.intents

    @property
    def tested(self) -> int:
        """How many decisions the policy tests check."""
        return len(self.tests)

    @property
    def roles(self) -> frozenset[str]:
        """Every role that rules may name."""
        return frozenset(self.vocabulary.roles)

    def retention_of(self, intent: str) -> int | None:
        """How long what was said about `intent` may be kept, in seconds.

        None for an intent without a retention class: as long as the settings say. An intent that
        the policies do not know gets the shortest class there is.
        """
        classes = self.vocabulary.retention
        info = self.intents.get(intent)
        if info is None:
            return min(classes.values(), default=None)
        return None if info.retention is None else classes[info.retention]

    def decide(self, request: Request) -> Decision:
        """The decision on `request`; see the module for how it is made. Never raises."""
        try:
            return self._decide(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
            return self._refuse("error", f"internal error ({type(error).__name__})")

    def rules_for(self, intent: str) -> tuple[Rule, ...]:
        """Every rule that names `intent`, the most specific first."""
        return self._by_intent.get(intent, ())

    def subject_of(self, request: Request) -> str | None:
        """Whose data the request is about; at the intent stage by construction of the intent."""
        info = self.intents.get(request.intent)
        if request.subject is None and request.stage == "intent" and info is not None:
            return info.about
        return request.subject

    def _decide(self, request: Request) -> Decision:
        info = self.intents.get(request.intent)
        if info is None:
            return self._refuse("unknown-intent", "The policies do not know this intent.")
        decision = self._decide_intent(request, info, self.subject_of(request))
        if request.stage != "intent" or decision.effect == "deny":
            return decision
        return self._with_runners_up(request, info, decision)

    def _decide_intent(self, request: Request, info: IntentInfo, subject: str | None) -> Decision:
        program = self._programs.get(info.name)
        if program is None:
            return self._refuse("default", "No rule allows this.")
        hold, missing, pending = program.select(request, subject)
        denies = hold & program.denies & ~pending
        # One that holds for certain comes before one that holds because a fact is missing.
        for mask in (denies & ~missing, denies):
            for rule in program.each(mask):
                return self._denied(rule, evaluate(rule.clauses, request, subject))
        doubtful = hold & program.allows & missing
        allows = hold & program.allows & ~missing
        if not allows:
            unknown = {
                fact
                for rule in program.each(doubtful)
                for fact in evaluate(rule.clauses, request, subject).missing
            }
            return self._refuse("default", "No rule allows this.", tuple(sorted(unknown)))
        granting = allows & pending or allows & -allows
        return self._granted(
            request,
            next(program.each(allows)),
            [(rule, evaluate(rule.clauses, request, subject)) for rule in program.each(granting)],
            [
                (rule, evaluate(rule.clauses, request, subject) if missing else HOLDS)
                for rule in program.each(hold & program.factors & ~pending)
            ],
        )

    def _granted(
        self,
        request: Request,
        rule: Rule,
        allows: list[tuple[Rule, Outcome]],
        factors: list[tuple[Rule, Outcome]],
    ) -> Decision:
        pending = tuple(sorted({fact for _, outcome in allows for fact in outcome.pending}))
        missing = {fact for _, outcome in factors for fact in outcome.missing}
        if factors:
            terms = strictest([item.step_up for item, _ in factors if item.step_up])
            if not satisfied(request, terms):
                rule = min((item for item, _ in factors), key=_shortest)
                missing |= unknown_assurance(request)
                return Decision(
                    "step_up",
                    rule.id,
                    "",
                    rule.why,
                    self.revision,
                    terms,
                    tuple(sorted(missing)),
                    pending,
                )
        return Decision(
            "allow", rule.id, "", rule.why, self.revision, None, tuple(sorted(missing)), pending
        )

    def counted_runners_up(self, request: Request, info: IntentInfo) -> list[str]:
        """The other meanings that are decided as well: close, and more protected or not known."""
        settings = self.vocabulary.runner_up
        if info.name in settings.continues:
            return []
        found = []
        for name in _close(request, settings.margin, self.intents):
            other = self.intents.get(name)
            if other is None or _more_protected(other, info):
                found.append(name)
        return found

    def _with_runners_up(self, request: Request, info: IntentInfo, own: Decision) -> Decision:
        worst = own
        for name in self.counted_runners_up(request, info):
            other = self.intents.get(name)
            if other is None:
                found = self._refuse("unknown-intent", "A runner-up is no intent of the policies.")
            else:
                found = self._decide_intent(request, other, other.about)
            if found.effect != "allow":
                worst = _stricter(worst, self._ambiguous(request, found, name))
        return worst

    def _ambiguous(self, request: Request, decision: Decision, name: str) -> Decision:
        reason = f"The message may also mean {name}. {decision.reason}"
        missing = tuple(sorted({*decision.indeterminate, *_unknown_ranking(request)}))
        found = replace(decision, reason=reason, indeterminate=missing)
        if found.step_up is None:
            return replace(found, say=self.vocabulary.runner_up.say)
        # The values of the runner-up are not those of the request: nothing can be bound, and a
        # code for "this very request" would be one for another. A fresh code takes its place.
        age = found.step_up.max_age or FRESH
        terms = replace(found.step_up, bind=(), ask="at_once", max_age=age)
        if satisfied(request, terms):
            return replace(found, effect="allow", step_up=None)
        return replace(found, step_up=terms)

    def _denied(self, rule: Rule, outcome: Outcome) -> Decision:
        return Decision("deny", rule.id, rule.say, rule.why, self.revision, None, outcome.missing)

    def _refuse(self, rule: str, reason: str, missing: tuple[str, ...] = ()) -> Decision:
        say = self.vocabulary.refusal
        return Decision("deny", rule, say, reason, self.revision, None, missing)


def _index(rules: tuple[Rule, ...]) -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        for intent in rule.intents:
            found.setdefault(intent, []).append(rule)
    return MappingProxyType({intent: tuple(items) for intent, items in found.items()})


def _shortest(rule: Rule) -> tuple[int, str]:
    return (rule.step_up.max_age if rule.step_up else 0), rule.id


def _more_protected(one: IntentInfo, other: IntentInfo) -> bool:
    return PROTECTION.index(one.protection) > PROTECTION.index(other.protection)


def _close(request: Request, margin: float, known: Iterable[str]) -> list[str]:
    """The runners-up within `margin`; all intents when the runners-up are not known."""
    if request.runners_up is None:
        return sorted(known)
    won = request.confidence
    certain = type(won) in (int, float) and won is not None and math.isfinite(won)
    names = [
        name
        for name, confidence in request.runners_up
        if not (certain and won is not None and won - confidence > margin)
    ]
    return sorted(names)


def _unknown_ranking(request: Request) -> set[str]:
    if request.runners_up is None:
        return {"runners_up"}
    return {"confidence"} if request.confidence is None else set()


def _stricter(one: Decision, other: Decision) -> Decision:
    if one.effect == "step_up" == other.effect and one.step_up and other.step_up:
        return replace(one, step_up=strictest([one.step_up, other.step_up]))
    return other if _STRICTNESS[other.effect] > _STRICTNESS[one.effect] else one
