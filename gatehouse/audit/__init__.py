"""The tamper-evident log of every security decision; knows nothing of Rasa."""

from gatehouse.audit.log import AuditLog, AuditUnavailable, Entry
from gatehouse.audit.verify import AuditTampered, VerifyReport, verify

__all__ = ["AuditLog", "AuditTampered", "AuditUnavailable", "Entry", "VerifyReport", "verify"]
