"""Says what became of an edit of the policies: in the audit log first, then on the terminal.

When the entry cannot be written this raises, and the edit does not take effect.
"""

from __future__ import annotations

from typing import Any, Protocol

from gatehouse.logs import get_logger
from gatehouse.policy import Change

log = get_logger(__name__)


class Audit(Protocol):
    """The part of the audit log that is needed here."""

    def append(self, kind: str, **facts: Any) -> int: ...


def report(audit: Audit, change: Change) -> None:
    """Record `change` and say it. Raises what the audit log raises."""
    first = change.problems[0] if change.problems and not change.accepted else None
    kind = "policy_loaded" if change.accepted else "policy_rejected"
    audit.append(
        "policy_pending" if change.waits else kind,
        revision=change.revision or None,
        offered=change.offered,
        previous=change.previous,
        restored=change.restored,
        problems=len(change.problems),
        first=str(first)[:300] if first else None,
        verdict=change.waits or None,
        proposed_by=change.approval.proposer if change.approval else None,
        approved_by=change.approval.approver if change.approval else None,
        unguarded=change.unguarded or None,
    )
    _tell(change)


def _tell(change: Change) -> None:
    if change.waits:
        log.warning(
            "policies not changed: the edit waits for a second person; `gatehouse policy status`",
            revision=change.offered[:12],
            verdict=change.waits,
        )
        return
    if change.accepted:
        if change.previous is not None:
            log.info("policies changed", revision=change.revision[:8])
        if change.unguarded:
            log.warning(
                "the policy tests forbid less than before; `gatehouse policy diff previous`",
                count=change.unguarded,
            )
        return
    problems = [str(problem) for problem in change.problems]
    first = problems[0] if problems else "the files cannot be used"
    if change.restored:
        log.warning(
            "the policy files cannot be used, older rules are in force; `gatehouse policy check`",
            first=first,
            problems=len(problems),
            restored=True,
        )
        return
    log.warning(
        "policies not changed; `gatehouse policy check` shows why",
        first=first,
        problems=len(problems),
        restored=False,
    )
