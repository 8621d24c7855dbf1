"""Decides recorded decisions again, under other rules, and says which would be different.

The record keeps less than the decision saw, so some cannot be made again; they are counted with
the reason and never guessed. Reads records only; nothing is decided for anybody here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatehouse.policy.engine import PolicySet
from gatehouse.policy.model import Request
from gatehouse.policy.recorded import PERSON, requests
from gatehouse.policy.rules import Rule
from gatehouse.policy.verdicts import NO, YES

# Kept only when a rule in force asked for them.
_ON_DEMAND = frozenset({"refusals", "failed_codes", "served", *PERSON})
OLD = "recorded before the facts of decisions were kept"
ROUNDED = "the recorded times and confidences are too coarse"


@dataclass(frozen=True, slots=True)
class Decided:
    """One kind of different decision: what it was, what it would be, how often, and one record."""

    intent: str
    stage: str
    roles: tuple[str, ...]
    was: str
    was_rule: str
    now: str
    now_rule: str


@dataclass
class Replay:
    """What came of the records: `changed` by kind with its count and the last such entry."""

    revision: str
    same: int = 0
    changed: Counter[Decided] = field(default_factory=Counter)
    last: dict[Decided, tuple[int, str]] = field(default_factory=dict)
    not_replayed: Counter[str] = field(default_factory=Counter)

    @property
    def decisions(self) -> int:
        """How many decision records were looked at."""
        return self.same + self.changed.total() + self.not_replayed.total()

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {
            "revision": self.revision,
            "decisions": self.decisions,
            "same": self.same,
            "changed": [
                {
                    "count": count,
                    "intent": one.intent,
                    "stage": one.stage,
                    "roles": list(one.roles),
                    "was": {"effect": one.was, "rule": one.was_rule},
                    "now": {"effect": one.now, "rule": one.now_rule},
                    "last": {"entry": self.last[one][0], "at": self.last[one][1]},
                }
                for one, count in self.changed.most_common()
            ],
            "not_replayed": dict(self.not_replayed.most_common()),
        }


def replay(policies: PolicySet, entries: Iterable[tuple[int, str]]) -> Replay:
    """Decides every decision record of `entries` (sequence number, JSON body) under `policies`.

    Raises `ValueError` when a record is not what the log writes.
    """
    found = Replay(policies.revision)
    for sequence, body in entries:
        if '"decision"' in body:
            entry = json.loads(body)
            if entry.get("kind") == "decision":
                _again(policies, sequence, entry, found)
    return found


def _again(policies: PolicySet, sequence: int, entry: Mapping[str, Any], found: Replay) -> None:
    asked = list(requests(entry))
    if not asked:
        found.not_replayed[OLD] += 1
        return
    lacking = _lacking(policies, asked[0], entry)
    if lacking:
        found.not_replayed[f"{lacking} is not recorded"] += 1
        return
    decisions = [policies.decide(request) for request in asked]
    if len({decision.effect for decision in decisions}) > 1:
        found.not_replayed[ROUNDED] += 1
        return
    was, now = str(entry.get("decided", entry["effect"])), decisions[0]
    if was == now.effect:
        found.same += 1
        return
    kind = Decided(
        str(entry["intent"]),
        str(entry["stage"]),
        tuple(sorted(asked[0].principal.roles)),
        was,
        str(entry["rule"]),
        now.effect,
        now.rule,
    )
    found.changed[kind] += 1
    found.last[kind] = sequence, str(entry["at"])


def _lacking(policies: PolicySet, request: Request, entry: Mapping[str, Any]) -> str:
    """A fact that decides and is not in the record; empty when there is none."""
    lacking: set[str] = set()
    for intent in (request.intent, *(name for name, _ in request.runners_up or ())):
        info = policies.intents.get(intent)
        about = info.about if info and request.stage == "intent" else request.subject
        rules = [
            rule
            for rule in policies.rules_for(intent)
            if rule.concerns(request.principal.roles) and not _fails(rule, request, about, entry)
        ]
        certain = [
            rule for rule in rules if rule.effect == "deny" and _holds(rule, request, about, entry)
        ]
        if not certain:
            lacking |= {f for r in rules for f in _facts(r) if _hidden(f, request, entry)}
    return min(lacking, default="")


def _facts(rule: Rule) -> set[str]:
    return {clause.fact for clause in rule.clauses}


def _hidden(fact: str, request: Request, entry: Mapping[str, Any]) -> bool:
    kind = fact.partition(".")[0]
    if kind == "resource":
        return request.stage == "resource"
    return kind == "slots" or (kind in _ON_DEMAND and kind not in entry)


def _fails(rule: Rule, request: Request, about: str | None, entry: Mapping[str, Any]) -> bool:
    """Whether a recorded fact keeps the rule from matching."""
    return any(
        clause.test(request, about) == NO
        for clause in rule.clauses
        if not _hidden(clause.fact, request, entry)
    )


def _holds(rule: Rule, request: Request, about: str | None, entry: Mapping[str, Any]) -> bool:
    """Whether the rule matches whatever was not recorded."""
    return all(
        clause.test(request, about) == YES and not _hidden(clause.fact, request, entry)
        for clause in rule.clauses
    )
