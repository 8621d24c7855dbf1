"""Requests that the door refused: each is counted, each kind is recorded at most once a minute.

Foreign origins, missing CSRF tokens, wrong hosts and guessed links are how an attack begins, and that
the database was away has to be known; so the audit log must show them. But they come from anybody, so
it must not let them fill the disk. An entry says how many there were since the last one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatehouse import metrics
from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.logs import get_logger, place_of

if TYPE_CHECKING:
    from gatehouse.audit import AuditLog

PAUSE = 60.0  # seconds between two entries of one reason
REASONS = frozenset(
    {
        *(
            "https_required",
            "host",
            "origin",
            "csrf",
            "token",
            "ticket",
            "logout_token",
            "database",
        ),
        *("front_end", "browser", "scope"),
    }
)
"""Codes of answers that are recorded; see `gatehouse.channel.failures.ApiError`."""

log = get_logger(__name__)


class Refusals:
    """What was refused in this process. Used from one event loop only."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._last: dict[str, float] = {}
        self._count: dict[str, int] = {}

    async def note(self, reason: str) -> None:
        """Count one request refused for `reason`; record it if the last entry is long enough ago."""
        if reason not in REASONS:
            return
        metrics.REQUESTS_REFUSED.add(reason=reason)
        self._count[reason] = self._count.get(reason, 0) + 1
        now, last = self._clock.now(), self._last.get(reason)
        if last is not None and 0 <= now - last < PAUSE:
            return
        self._last[reason] = now
        await asyncio.to_thread(self._record, reason, self._count.pop(reason))

    def _record(self, reason: str, count: int) -> None:
        try:
            self._audit.append("request_refused", reason=reason, count=count)
        except GatehouseError as error:
            log.error("a refused request could not be recorded", error=place_of(error))
