"""What became of backups, for metrics, the doctor and the evidence: one small file of this host.

`read_status` needs no keys and no database. The file says nothing that a decision rests on: which
backups there are is asked of their place, and what was done is in the audit log.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from gatehouse.backup.errors import BackupBusy
from gatehouse.errors import Unavailable
from gatehouse.settings import Settings

DIRECTORY: Final = "var/backup"
SCRATCH: Final = "scratch-"
_FILE: Final = "status.json"


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """Times in epoch seconds, None when it never happened (or not on this host).

    A backup counts only when it was read back whole after it was written. `last_error` is why the
    last try failed, None when it did not. `same_volume` says that the place would be lost with the
    databases.
    """

    target: str = ""
    same_volume: bool | None = None
    last_backup_at: float | None = None
    last_backup_id: str | None = None
    last_backup_bytes: int | None = None
    last_backup_seconds: float | None = None
    last_error_at: float | None = None
    last_error: str | None = None
    last_verified_at: float | None = None
    last_pruned_at: float | None = None
    last_drill_at: float | None = None
    last_drill_ok: bool | None = None
    last_drill_id: str | None = None
    last_drill_seconds: float | None = None
    last_restore_at: float | None = None


def read_status(settings: Settings) -> BackupStatus:
    """The status of this host; an unreadable file counts as none."""
    try:
        said = json.loads((settings.path(DIRECTORY) / _FILE).read_text(encoding="utf-8"))
        known = {item.name for item in fields(BackupStatus)}
        found = BackupStatus(**{name: value for name, value in said.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        found = BackupStatus()
    return replace(found, target=settings.backup.target)


def note(settings: Settings, **changes: Any) -> BackupStatus:
    """Change the status; a disk that is full must not turn a good backup into a failure."""
    status = replace(read_status(settings), **changes)
    with contextlib.suppress(OSError):
        directory = private_directory(settings)
        new = directory / f"{_FILE}.new"
        new.write_text(json.dumps(asdict(status), indent=1) + "\n", encoding="utf-8")
        new.chmod(0o600)
        os.replace(new, directory / _FILE)
    return status


def private_directory(settings: Settings) -> Path:
    """The directory of status, lock and scratch files, of mode 0700."""
    directory = settings.path(DIRECTORY)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Only one backup, restore, prune or drill of this host at a time. Raises `BackupBusy`."""
    try:
        lock = os.open(private_directory(settings) / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Unavailable(f"{DIRECTORY} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupBusy(
                "another backup, restore or drill is at work", "wait until it is done"
            ) from None
        for left in private_directory(settings).glob(f"{SCRATCH}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)
