"""Edits that open something wait until a second person has approved exactly their revision.

Here is only the ruling: what an edit does to access and to the policy tests that guard it, and
whether it may take effect now. Who the people are and how they prove it is none of this module's
business. What cannot be told, such as the effect of an edit that is too large to compare, counts as
opening; taking a test away waits as well, or one person could do that first and open something later
with a second one who sees no test fail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gatehouse.clock import as_datetime
from gatehouse.errors import GatehouseError
from gatehouse.policy import diff
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.guards import HARMLESS, Verdict, lost, with_tests
from gatehouse.policy.rules import Rule

_SLACK = 2 * 86_400  # seconds


@dataclass(frozen=True, slots=True)
class InForce:
    """The revision in force as it was recorded; `serial` grows with every change."""

    revision: str
    serial: int


@dataclass(frozen=True, slots=True)
class Approval:
    """The user names of the two people who stand for an edit."""

    proposer: str
    approver: str


class Approvals(Protocol):
    """Remembers what is in force and who approved what, so that neither can be forged or put back."""

    def in_force(self) -> InForce | None:
        """What was put in force last. Raises `IntegrityError` when it was altered."""
        ...

    def put_in_force(self, revision: str, base: InForce | None) -> InForce:
        """Record that `revision` follows `base`; an approval for it is used up by that.

        Raises `Conflict` when something else is in force meanwhile.
        """
        ...

    def offer(self, revision: str, base: InForce | None, verdict: str) -> None:
        """Record that `revision` waits; harmless when it does already."""
        ...

    def approval(self, revision: str, base: InForce | None) -> Approval | None:
        """The unused approval of `revision` as the follower of `base`, None without a genuine one."""
        ...


class Conflict(GatehouseError):
    """Another process put other policies in force in between; the edit is looked at again."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an edit does, and whether it may take effect now, with whose approval."""

    verdict: Verdict
    accepted: bool
    approval: Approval | None = None


def rule_on(
    before: PolicySet | None,
    base: InForce | None,
    after: PolicySet,
    approvals: Approvals,
    now: float,
) -> Ruling:
    """Whether `after` may follow `before` at `now` (epoch seconds); without one there is nothing that it
    could narrow."""
    verdict: Verdict = "widens"
    if before is not None and base is not None and before.revision == base.revision:
        verdict = verdict_of(before, after, now)
    if verdict in HARMLESS:
        return Ruling(verdict, True)
    approval = approvals.approval(after.revision, base)
    return Ruling(verdict, approval is not None, approval)


def verdict_of(before: PolicySet, after: PolicySet, now: float) -> Verdict:
    """What the edit does to the set of allowed requests and to what the policy tests forbid.

    What only the past would have allowed opens nothing: a rule whose time is over is taken out by one
    person. `widens` when that cannot be told.
    """
    quick = _plainly_narrower(before, after)
    if quick is not None:
        return with_tests(quick, lost(before, after))
    try:
        return diff.verdict(before, after, _yesterday(now))
    except GatehouseError:
        return "widens"


def _yesterday(now: float) -> datetime:
    """A day begins up to a day earlier in another zone, and clocks of two hosts may differ."""
    return as_datetime(now - _SLACK).replace(hour=0, minute=0, second=0, microsecond=0)


def _plainly_narrower(before: PolicySet, after: PolicySet) -> Verdict | None:
    """The common case without a comparison of decisions: a block was added, or a grant taken away.

    Adding a deny or a step-up never opens, and removing an allow without step-up does not either (an
    allow with one also asks for a code where others allow).
    """
    if _words(before) != _words(after):
        return None
    old, new = (Counter(_said(rule) for rule in policies.rules) for policies in (before, after))
    if old == new:
        return "same"
    added, removed = new - old, old - new
    blocks = all(effect in ("deny", "step_up") for effect, *_ in added)
    grants = all(effect == "allow" and step_up is None for effect, step_up, *_ in removed)
    return "narrows" if blocks and grants else None


def _said(rule: Rule) -> tuple[object, ...]:
    """All that a rule says about who may what; not its id, reason or response."""
    clauses = tuple(sorted((repr(c.fact), c.words, repr(c.cuts)) for c in rule.clauses))
    roles = None if rule.roles is None else tuple(sorted(rule.roles))
    return (
        rule.effect,
        rule.step_up,
        rule.intents,
        roles,
        tuple(sorted(rule.except_roles)),
        clauses,
    )


def _words(policies: PolicySet) -> tuple[object, ...]:
    """Everything beside the rules that decisions and keeping depend on."""
    words = policies.vocabulary
    intents = {
        name: (i.about, i.protection, i.values, dict(i.attributes), i.retention)
        for name, i in words.intents.items()
    }
    runner_up = words.runner_up.margin, words.runner_up.continues
    return (
        set(words.roles),
        dict(words.lists),
        dict(words.retention),
        runner_up,
        intents,
        words.trusted_slots,
        words.zone,
    )
