"""Says why: every rule that was considered for a question, with every condition.

Explanations are for people who write and sign policies. They come from the same compiled clauses
as the decision, so they cannot tell another story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatehouse.policy.engine import PolicySet
from gatehouse.policy.model import Decision, Request
from gatehouse.policy.rules import Rule
from gatehouse.policy.verdicts import NAMES, NO, YES, evaluate
from gatehouse.policy.words import clause_words


@dataclass(frozen=True, slots=True)
class Considered:
    """One rule that names the intent: what it came to, and the answer of each condition."""

    rule: Rule
    result: str
    conditions: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """The rule for `--json`."""
        return {
            "rule": self.rule.id,
            "effect": self.rule.effect,
            "why": self.rule.why,
            "file": str(self.rule.where),
            "result": self.result,
            "conditions": [
                {"condition": words, "answer": answer} for words, answer in self.conditions
            ],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and everything that led to it."""

    request: Request
    decision: Decision
    considered: tuple[Considered, ...]
    runners_up: tuple[tuple[str, tuple[Considered, ...]], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The explanation for `--json`."""
        return {
            "intent": self.request.intent,
            "stage": self.request.stage,
            "roles": sorted(self.request.principal.roles),
            "decision": self.decision.as_dict(),
            "considered": [item.as_dict() for item in self.considered],
            "runners_up": {
                name: [item.as_dict() for item in considered]
                for name, considered in self.runners_up
            },
        }

    def lines(self) -> list[str]:
        """The explanation as a terminal shows it."""
        decision = self.decision
        lines = [f"{decision.effect} by `{decision.rule}`: {decision.reason}"]
        if decision.say:
            lines.append(f"  says {decision.say}")
        if decision.step_up:
            terms = decision.step_up
            age = f"not older than {terms.max_age} s" if terms.max_age else "for this request"
            bound = f", bound to {', '.join(terms.bind)}" if terms.bind else ""
            lines.append(f"  needs {terms.level}, {age}{bound}, asked {terms.ask}")
        for label, facts in (("not known", decision.indeterminate), ("later", decision.pending)):
            if facts:
                lines.append(f"  {label}: {', '.join(facts)}")
        lines.extend(_lines(self.considered))
        for name, considered in self.runners_up:
            lines.append(f"may as well mean {name}, which is more protected:")
            lines.extend(_lines(considered) or ["        no rule names it"])
        return lines


def explain(policies: PolicySet, request: Request) -> Explanation:
    """Why `policies` decide `request` as they do."""
    info = policies.intents.get(request.intent)
    near = policies.counted_runners_up(request, info) if info else []
    abouts = {name: policies.intents[name].about for name in near if name in policies.intents}
    return Explanation(
        request,
        policies.decide(request),
        _considered(policies, request, request.intent, policies.subject_of(request)),
        tuple(
            (name, _considered(policies, request, name, abouts.get(name)))
            for name in near
            if request.stage == "intent"
        ),
    )


def _considered(
    policies: PolicySet, request: Request, intent: str, subject: str | None
) -> tuple[Considered, ...]:
    return tuple(_consider(rule, request, subject) for rule in policies.rules_for(intent))


def _lines(considered: tuple[Considered, ...]) -> list[str]:
    lines: list[str] = []
    for item in considered:
        lines.append(f"{item.rule.effect:<8}{item.rule.id} ({item.rule.where}): {item.result}")
        lines.extend(f"        {answer:<12}{words}" for words, answer in item.conditions)
    return lines


def _consider(rule: Rule, request: Request, subject: str | None) -> Considered:
    conditions = tuple(
        (clause_words(clause), NAMES[clause.test(request, subject)]) for clause in rule.clauses
    )
    return Considered(rule, _result(rule, request, subject), conditions)


def _result(rule: Rule, request: Request, subject: str | None) -> str:
    if not rule.concerns(request.principal.roles):
        return "is not about these roles"
    outcome = evaluate(rule.clauses, request, subject)
    if outcome.verdict == NO:
        return "does not match"
    if outcome.verdict == YES:
        return "matches"
    if outcome.missing:
        facts = ", ".join(outcome.missing)
        applies = "does not match" if rule.effect == "allow" else "applies"
        if rule.effect != "allow" and outcome.pending:
            applies = "is left to the record"
        return f"{applies}, because {facts} is not known"
    return "may match" if rule.effect == "allow" else "is left to the record"
