"""The tamper-evident log of every security decision; knows nothing of Rasa."""

from gatehouse.audit.errors import AuditTampered, AuditUnavailable, CheckpointInvalid
from gatehouse.audit.log import AuditLog
from gatehouse.audit.pseudonyms import RingPseudonyms, ring_names
from gatehouse.audit.reader import Entry
from gatehouse.audit.verify import Kept, VerifyReport, verify

__all__ = [
    "AuditLog",
    "AuditTampered",
    "AuditUnavailable",
    "CheckpointInvalid",
    "Entry",
    "Kept",
    "RingPseudonyms",
    "VerifyReport",
    "ring_names",
    "verify",
]
