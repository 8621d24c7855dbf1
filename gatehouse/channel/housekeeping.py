"""What a serving process does beside answering: purging what expired, taking policy edits,
signing checkpoints of the audit log, making backups.

Started by the channel and not by a launcher, so that it runs however the process was started. A
task must outlive a database that is away for a while; it must never end the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sanic import Sanic

from gatehouse import metrics
from gatehouse.backup.schedule import Schedule
from gatehouse.channel.services import Services
from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

CHECKPOINT_POLL = 5  # seconds; whether a checkpoint of the audit log is due
POLICY_POLL = 0.5  # seconds; an edit is taken when two looks in a row agree


def start(app: Sanic, services: Services) -> None:
    """Begin the work; call it once the server accepts requests."""
    app.ctx.housekeeping = [
        repeat(services.settings.retention.purge_interval, services.purge),
        repeat(POLICY_POLL, services.policies.poll),
        repeat(CHECKPOINT_POLL, services.checkpoints.poll),
    ]
    app.ctx.backups = Schedule(services)
    app.ctx.backups.start()


async def stop(app: Sanic) -> None:
    """End the work and wait for what is under way."""
    for task in getattr(app.ctx, "housekeeping", []):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    if (backups := getattr(app.ctx, "backups", None)) is not None:
        await asyncio.to_thread(backups.stop)


def repeat(pause: float, work: Callable[[], object]) -> asyncio.Task[None]:
    """A task that does `work` in a thread every `pause` seconds."""
    return asyncio.get_running_loop().create_task(_repeat(pause, work))


async def _repeat(pause: float, work: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(pause)
        try:
            await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - outlives a database that is away for a while
            metrics.FAILURES.add(part="housekeeping")
            log.error("housekeeping failed, will try again", error=place_of(error))
