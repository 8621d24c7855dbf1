"""Backups: that there are any, how old the last one is, and whether one was ever restored."""

from __future__ import annotations

from collections.abc import Iterator

from gatehouse.backup.status import BackupStatus, read_status
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject

_DAY = 86400.0
_DRILL = 92 * _DAY  # a drill every quarter


def look(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings.backup
    if not settings.target:
        mend = setting("backup.target", '"/directory/on/another/volume"')
        finding = bad if subject.production else advice
        yield finding("backups.none", "there are no backups", mend)
        return
    status = read_status(subject.settings)
    yield from _last(subject, status, float(settings.every))
    if status.same_volume:
        mend = setting("backup.target", '"/directory/on/another/volume"')
        yield advice("backups.near", "backups are on the volume of the databases", mend)
    yield from _drill(subject, status)


def _last(subject: Subject, status: BackupStatus, every: float) -> Iterator[Finding]:
    now, last = subject.clock.now(), status.last_backup_at
    late = 2 * every + 900 if every else 2 * _DAY
    if last is None:
        yield bad("backups.never", "no backup was made yet", "gatehouse backup now")
    elif now - last > late:
        what = f"the last backup is {(now - last) / 3600:.0f} hours old"
        yield bad("backups.old", what, "gatehouse backup now")
    else:
        yield good("backups.fresh", f"the last backup is {(now - last) / 3600:.1f} hours old")
    if status.last_error_at is not None and status.last_error_at > (last or 0.0):
        yield bad("backups.failed", "the last try to make a backup failed", "gatehouse backup now")


def _drill(subject: Subject, status: BackupStatus) -> Iterator[Finding]:
    at, mend = status.last_drill_at, "gatehouse backup drill"
    if at is None:
        yield advice("backups.no_drill", "no backup was ever restored in a drill", mend)
    elif status.last_drill_ok is False:
        yield bad("backups.drill_failed", "the last drill failed", mend)
    elif subject.clock.now() - at > _DRILL:
        days = (subject.clock.now() - at) / _DAY
        yield advice("backups.old_drill", f"the last drill was {days:.0f} days ago", mend)
    else:
        yield good("backups.drill", "a backup was restored in a drill this quarter")
