"""The one source of time.

Everything that expires, throttles or stamps asks a `Clock`, so that a test can move time and a
deployment can be checked against a clock that jumps. Nothing else in the package may call
`time.time()` or `datetime.now()`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since the Unix epoch (UTC)."""

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        return time.time()


class SettableClock:
    """A clock that moves only when told to; for tests and rehearsals."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`; a negative number moves it back."""
        self._now += seconds


def as_datetime(seconds: float) -> datetime:
    """`seconds` since the epoch as an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def as_iso(seconds: float) -> str:
    """`seconds` since the epoch as RFC 3339 with milliseconds, for example `2027-01-15T08:00:00.000Z`."""
    return as_datetime(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
