"""Which tables of the main database go into a backup with their rows, and which must not come back.

A row that is left out is one that would undo something by coming back: a session that ended, a
request that was approved or cancelled, a message that already acted. New tables are kept unless
they are named here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gatehouse.migrations import RESTORING

LEFT_OUT: Final = {
    "gh_sessions": "all sessions end with a restore; who was signed in when is nobody's archive",
    "gh_step_up_challenges": "live for five minutes, belong to sessions",
    "gh_step_up_grants": "a used one must not become unused",
    "gh_code_deliveries": "live for minutes; a used code must not become unused",
    "gh_enrolment_tickets": "a used one must not become unused",
    "gh_factor_resets": "a proposal that was used up must not come back",
    "gh_factor_notices": "what was seen would be shown again",
    "gh_used_ids": "lives for minutes; the front ends that it is of are revoked by a restore",
    "gh_provider_sessions": "belong to sessions",
    "gh_provider_seen": "lives for minutes",
    "gh_webhooks_received": "lives for minutes; what was sent before a restore is refused by age",
}
"""Tables whose rows are not copied, and why."""

AUDIT: Final = ("gh_audit", "gh_audit_checkpoints")
VERSION_TABLE: Final = "gh_schema_version"
GUARD: Final = RESTORING


def of_main(names: Iterable[str]) -> list[str]:
    """The tables of the main database among `names`: never those of the key ring or the log."""
    return sorted(
        name
        for name in names
        if name.startswith("gh_") and not name.startswith("gh_ring") and name not in (*AUDIT, GUARD)
    )


def of_records(names: Iterable[str]) -> list[str]:
    """The tables of the demonstration's system of record among `names`."""
    return sorted(name for name in names if name.startswith("hr_"))
