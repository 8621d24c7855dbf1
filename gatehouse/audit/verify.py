"""Verifies that the audit log is what was written.

Walks the chain from the first entry. It finds a changed, dropped, inserted or swapped entry and says
where; it cannot see that the last entries were cut off, unless it is told how many there were.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from gatehouse.audit.chain import GENESIS, link
from gatehouse.audit.log import AuditLog
from gatehouse.errors import IntegrityError


class AuditTampered(IntegrityError):
    """The log is not what was written; `sequence` is the first entry that shows it."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            f"entry {sequence}: {reason}", "restore the log and find out who wrote to it"
        )
        self.sequence = sequence
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How many entries were verified, and the chain value of the last one (hex)."""

    entries: int
    head: str


def verify(log: AuditLog, at_least: int = 0) -> VerifyReport:
    """Verify the whole log in constant memory; raises `AuditTampered`.

    `at_least` is a number of entries known from elsewhere, such as an earlier report.
    """
    previous, count = GENESIS, 0
    for entry in log.entries():
        count += 1
        if entry.sequence != count:
            raise AuditTampered(count, f"is missing; the next one present is {entry.sequence}")
        expected = link(log.chain_key, previous, entry.body)
        if not hmac.compare_digest(expected, entry.chain):
            raise AuditTampered(count, "does not follow from the entries before it")
        previous = entry.chain
    if count < at_least:
        raise AuditTampered(count + 1, f"is missing; at least {at_least} entries were written")
    return VerifyReport(count, previous.hex())
