"""Who may ask what: accounts by intents, in an ordinary situation.

An account has a role and the roles that come with it. A cell that depends on more than the roles
and the subject is marked, because the ordinary situation does not show all of it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import Any

from gatehouse.policy.engine import PolicySet
from gatehouse.policy.model import Decision, Principal
from gatehouse.policy.situations import ordinary

_SHORT = {"allow": "yes", "step_up": "code", "deny": "-"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The decision for one account and intent; `conditional` when a situation can change it."""

    role: str
    intent: str
    decision: Decision
    conditional: bool

    @property
    def mark(self) -> str:
        """`yes`, `code` or `-`, with `*` when it depends on the situation."""
        return _SHORT[self.decision.effect] + ("*" if self.conditional else "")

    def as_dict(self) -> dict[str, Any]:
        """The cell for `--json`."""
        return {
            "role": self.role,
            "intent": self.intent,
            "effect": self.decision.effect,
            "rule": self.decision.rule,
            "say": self.decision.say,
            "conditional": self.conditional,
        }


def matrix(policies: PolicySet) -> list[Cell]:
    """Every cell, by intent and role in the order of the files."""
    return [
        _cell(policies, role, intent)
        for intent in policies.intents
        for role in policies.vocabulary.roles
    ]


def as_text(policies: PolicySet, cells: list[Cell]) -> str:
    """A table for a terminal."""
    roles = list(policies.vocabulary.roles)
    width = max((len(name) for name in policies.intents), default=0)
    lines = [" " * width + "".join(f"  {role:>10}" for role in roles)]
    for intent in policies.intents:
        marks = "".join(f"  {cell.mark:>10}" for cell in cells if cell.intent == intent)
        lines.append(f"{intent:<{width}}{marks}")
    lines.append("")
    lines.append(
        "yes allowed · code after a second factor · - refused · * depends on the situation"
    )
    lines.append(f"revision {policies.revision}")
    return "\n".join(lines)


def as_csv(policies: PolicySet, cells: list[Cell]) -> str:
    """A table for a spreadsheet: one line for each intent."""
    roles = list(policies.vocabulary.roles)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["intent", "about", "protection", *roles])
    for intent, info in policies.intents.items():
        marks = [cell.mark for cell in cells if cell.intent == intent]
        writer.writerow([intent, info.about, info.protection, *marks])
    return out.getvalue()


def _cell(policies: PolicySet, role: str, intent: str) -> Cell:
    roles = policies.vocabulary.comes_with[role]
    request = replace(
        ordinary(policies.vocabulary), principal=Principal(role, roles), intent=intent
    )
    conditional = any(
        clause.fact != "subject"
        for rule in policies.rules_for(intent)
        if rule.concerns(roles)
        for clause in rule.clauses
    )
    return Cell(role, intent, policies.decide(request), conditional)
