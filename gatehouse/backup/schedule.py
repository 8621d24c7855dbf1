"""Makes backups in a serving process, in a thread of its own: neither a turn nor a stop waits for one.

When one is due is judged by the clock and by the backups that are there, so a run that was missed
while the server was down is made up for after the start, and of several hosts only one makes it. A
failure is kept in the status and the metrics and tried again; it never ends the server.
"""

from __future__ import annotations

import threading
from typing import Final

from gatehouse import metrics
from gatehouse.backup.deployment import Deployment
from gatehouse.backup.errors import BackupBusy, BackupGivenUp
from gatehouse.backup.making import make_backup, on_same_volume
from gatehouse.backup.pruning import prune
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.status import note, read_status
from gatehouse.backup.targets import Target, open_target
from gatehouse.errors import GatehouseError
from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

POLL: Final = 60.0  # seconds between two looks at whether one is due
RETRY: Final = 600.0  # seconds after a failure
PATIENCE: Final = 10.0  # seconds that a stop waits for a run to give up


class Schedule:
    """The backups of one serving process."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    def start(self) -> None:
        """Begin, unless the settings name no place or no pause between two backups."""
        settings = self._deployment.settings.backup
        if settings.target and settings.every:
            self._thread.start()

    def stop(self) -> None:
        """Give up what is under way; blocks for a few seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def poll(self) -> bool:
        """Make a backup if one is due, then prune; whether one was made."""
        settings, now = self._deployment.settings, self._deployment.clock.now()
        status = read_status(settings)
        if _lately(status.last_backup_at, now, settings.backup.every):
            return False
        if _lately(status.last_error_at, now, min(RETRY, settings.backup.every)):
            return False
        try:
            return self._make(open_target(settings), now)
        except BackupBusy:
            return False
        except BackupGivenUp:
            log.warning("a backup was given up because the server stops")
        except GatehouseError as error:
            metrics.FAILURES.add(part="backup")
            note(settings, last_error=error.message[:200], last_error_at=now)
            log.error("a backup failed, will try again", reason=type(error).__name__)
        return False

    def _make(self, target: Target, now: float) -> bool:
        deployment, settings = self._deployment, self._deployment.settings
        shelf = Shelf(target, deployment.ring)
        shelf.require_marked()
        there = [one.manifest for one in shelf.all() if one.manifest is not None]
        if there:
            newest = there[-1]
            if _lately(newest.made_at, now, settings.backup.every):  # another host made it
                note(
                    settings,
                    same_volume=on_same_volume(deployment, target),
                    last_backup_at=newest.made_at,
                    last_backup_id=newest.id,
                    last_backup_bytes=newest.size,
                    last_error=None,
                    last_error_at=None,
                )
                return False
        made = make_backup(deployment, target, self._watched)
        log.info("a backup was made", count=len(made.parts))
        prune(deployment, target, self._watched)
        return True

    def _watched(self, _what: str, _done: int) -> None:
        if self._stopping.is_set():
            raise BackupGivenUp("the server stops")

    def _run(self) -> None:
        while not self._stopping.wait(POLL):
            try:
                self.poll()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well
                metrics.FAILURES.add(part="backup")
                log.error("a backup failed, will try again", error=place_of(error))


def _lately(at: float | None, now: float, pause: float) -> bool:
    """Whether `at` is less than `pause` ago; a time ahead of a clock that was set back is not."""
    return at is not None and 0 <= now - at < pause
