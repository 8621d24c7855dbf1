"""Refusals because there were too many: counted each time, recorded once per flood.

One audit entry for each refused request would let a flood fill the disk, so only the first refusal
of a key is recorded until the key is admitted again. The refusal stands whatever becomes of its
entry: nothing happens that would need one first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gatehouse import metrics
from gatehouse.channel.limits import TooMany
from gatehouse.errors import GatehouseError
from gatehouse.logs import get_logger, place_of

if TYPE_CHECKING:
    from gatehouse.audit import AuditLog
    from gatehouse.channel.shared_limits import Limiter

log = get_logger(__name__)


async def admit(audit: AuditLog, window: Limiter, key: str, person: str | None = None) -> None:
    """Count one event of `key` in `window`; raises `TooMany`."""
    try:
        await window.count(key)
    except TooMany as refused:
        metrics.THROTTLED.add(what=refused.what)
        if refused.first:
            await asyncio.to_thread(_record, audit, refused.what, person)
        raise


def _record(audit: AuditLog, what: str, person: str | None) -> None:
    try:
        audit.append("throttled", person=person, what=what)
    except GatehouseError as error:
        log.error("a throttle could not be recorded", error=place_of(error))
