"""What became of the purges of this process, for whoever watches it.

Expiry does not wait for a purge; but keys and rows of what expired stay until one ran, so a purge
that fails for long is what an operator has to hear of.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from gatehouse.tracker.lifecycle import Purged


@dataclass(frozen=True, slots=True)
class PurgeStatus:
    """Times in epoch seconds, None when it never happened; counts since the process started.

    `overdue` is how late (seconds) the last purge removed the first of what it removed.
    `conversations`, `records` and `keys` are totals; `last` is what the last purge did.
    """

    runs: int = 0
    failures: int = 0
    last_success_at: float | None = None
    last_failure_at: float | None = None
    overdue: float = 0.0
    conversations: int = 0
    records: int = 0
    keys: int = 0
    last: Purged | None = None

    def lag(self, now: float, started_at: float) -> float:
        """Seconds since the last purge that succeeded, or since the start when none has yet."""
        since = started_at if self.last_success_at is None else self.last_success_at
        return max(0.0, now - since)


class Purges:
    """Keeps the status; safe for threads."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self._lock = threading.Lock()
        self._status = PurgeStatus()

    def status(self) -> PurgeStatus:
        return self._status

    def lag(self, now: float) -> float:
        """See `PurgeStatus.lag`."""
        return self._status.lag(now, self.started_at)

    def succeeded(self, purged: Purged, now: float) -> None:
        with self._lock:
            before = self._status
            self._status = replace(
                before,
                runs=before.runs + 1,
                last_success_at=now,
                overdue=purged.overdue,
                conversations=before.conversations + purged.conversations,
                records=before.records + purged.records,
                keys=before.keys + purged.keys,
                last=purged,
            )

    def failed(self, now: float) -> None:
        with self._lock:
            before = self._status
            self._status = replace(
                before, runs=before.runs + 1, failures=before.failures + 1, last_failure_at=now
            )
