"""Backups: what lies at their place, how old the last one is, and whether one was ever restored.

The place itself is asked, with the ring on a private copy, because the status file is of this host and
only tells what this host did.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from gatehouse.backup.errors import BackupDamaged, BackupForeign, BackupMissing
from gatehouse.backup.shelf import Found, Shelf
from gatehouse.backup.status import BackupStatus, read_status
from gatehouse.backup.targets import open_target
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.keys.opening import ring_to_look_at
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting, unknown
from gatehouse.ops.doctor.subject import Subject

_DAY = 86400.0
_DRILL = 92 * _DAY  # a drill every quarter
_ELSEWHERE = setting("backup.target", '"/directory/on/another/volume"')


def look(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings.backup
    if not settings.target:
        finding = bad if subject.production else advice
        yield finding("backups.none", "there are no backups", _ELSEWHERE)
        return
    status, newest = read_status(subject.settings), None
    found = list(_at_the_place(subject, status))
    for one in found:
        if isinstance(one, Finding):
            yield one
        else:
            newest = one
    begun = not any(isinstance(one, Finding) and one.id == "backups.not_begun" for one in found)
    if begun:
        yield from _last(subject, status, newest, float(settings.every))
    if status.same_volume:
        yield advice("backups.near", "backups are on the volume of the databases", _ELSEWHERE)
    yield from _drill(subject, status)


def _at_the_place(subject: Subject, status: BackupStatus) -> Iterator[Finding | float]:
    """What is wrong there, and when the newest that is good was made."""
    try:
        with ring_to_look_at(subject.settings, subject.clock) as ring:
            target = open_target(subject.settings)
            shelf = Shelf(target, ring)
            shelf.require_marked()
            there = shelf.all()
            yield from _said_by(shelf, there)
    except BackupForeign as error:
        yield bad("backups.foreign", error.message, _ELSEWHERE)
    except BackupDamaged as error:
        yield bad("backups.damaged", error.message, "gatehouse backup list", altered=True)
    except InvalidInput as error:
        yield bad("backups.target", error.message, _ELSEWHERE)
    except NotReady as error:
        if "no backups of ours" in error.message:
            yield bad("backups.not_begun", error.message, _begin(subject, status))
        else:
            yield unknown("backups.unseen", f"the place was not looked at: {error.message}")
    except GatehouseError as error:
        yield bad("backups.away", error.message, "gatehouse backup list")
    yield from _mode(subject)


def _begin(subject: Subject, status: BackupStatus) -> str:
    """Not where this host made backups before: a volume that is away looks like an empty place."""
    target = subject.settings.backup.target
    if status.last_backup_id is None or "://" in target:
        return "gatehouse backup now --new"
    return f"findmnt -T {shlex.quote(str(subject.settings.path(target)))}"


def _said_by(shelf: Shelf, there: list[Found]) -> Iterator[Finding | float]:
    good_ones = [one.manifest for one in there if one.manifest is not None]
    damaged = len(there) - len(good_ones)
    if damaged:
        what = f"{damaged} of {len(there)} backups are not what was written"
        yield bad("backups.damaged", what, "gatehouse backup list", altered=True)
    if not good_ones:
        return
    yield good_ones[-1].made_at
    try:
        shelf.require_latest(there[-1].id if not damaged else good_ones[-1].id)
    except BackupMissing as error:
        yield bad("backups.missing", error.message, "gatehouse backup list", altered=True)


def _mode(subject: Subject) -> Iterator[Finding]:
    """Of a directory: who else may write there can remove and hide backups."""
    target = subject.settings.backup.target
    path = subject.settings.path(target)
    if "://" not in target and path.is_dir() and path.stat().st_mode & 0o022:
        shown = subject.shown(path)
        what = f"others than its owner can write to {shown}"
        yield bad("backups.writable", what, f"chmod go-w {shlex.quote(shown)}")


def _last(
    subject: Subject, status: BackupStatus, newest: float | None, every: float
) -> Iterator[Finding]:
    now = subject.clock.now()
    last = max((at for at in (status.last_backup_at, newest) if at is not None), default=None)
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
