"""What can be wrong with the audit log, told apart by what has to happen next."""

from __future__ import annotations

from gatehouse.errors import IntegrityError, Unavailable


class AuditUnavailable(Unavailable):
    """The log cannot be written; nothing that must be recorded may happen."""


class AuditTampered(IntegrityError):
    """The log is not what was written; `sequence` is the first entry that shows it."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            f"entry {sequence}: {reason}",
            "keep a copy of the database as it is, and find out who wrote to it",
            "docs/audit.md, section “When verification fails”, says what each finding means",
        )
        self.sequence = sequence
        self.reason = reason


class CheckpointInvalid(IntegrityError):
    """A checkpoint cannot be read or is not signed by whom it should be."""
