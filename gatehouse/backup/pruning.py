"""Removes old backups, grandfather-father-son, and their keys first.

What is kept is counted in backups and not against the clock: a clock that jumps ahead prunes
nothing that the same backups would not have lost anyway. Nothing is removed unless the newest backup
that is kept and opens was read back whole just now, so the last good one never goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatehouse.backup import manifest as manifests
from gatehouse.backup import postgres, status
from gatehouse.backup.deployment import Deployment, Progress
from gatehouse.backup.errors import BackupDamaged, BackupKeyMissing
from gatehouse.backup.making import remove_unfinished
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.shelf import Found, Shelf
from gatehouse.backup.targets import MANIFEST, Target
from gatehouse.clock import as_datetime
from gatehouse.settings import Backup


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run removed, kept, and removed of runs that had been cut off."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    unfinished: int


def keep(found: Sequence[Manifest], rules: Backup) -> set[str]:
    """The ids that stay: the newest few, and the last one of each of the latest days, ISO weeks and
    months (UTC) that have one."""
    newest_first = sorted(found, key=lambda one: (one.made_at, one.id), reverse=True)
    kept = {one.id for one in newest_first[: rules.keep_last]}
    periods: tuple[tuple[int, Callable[[Manifest], object]], ...] = (
        (rules.keep_daily, lambda one: as_datetime(one.made_at).date()),
        (rules.keep_weekly, lambda one: as_datetime(one.made_at).isocalendar()[:2]),
        (rules.keep_monthly, lambda one: f"{as_datetime(one.made_at):%Y-%m}"),
    )
    for number, period in periods:
        seen: set[object] = set()
        for one in newest_first:
            if len(seen) < number and period(one) not in seen:
                seen.add(period(one))
                kept.add(one.id)
    return kept


def prune(
    deployment: Deployment, target: Target, progress: Progress, *, pretend: bool = False
) -> Pruned:
    """Remove what the settings do not keep; with `pretend` only say what that would be.

    Keys go first, in one step: from then on no copy of these backups opens, wherever it lies. Raises
    `BackupDamaged` when no backup that stays opens; then nothing is removed. A backup whose manifest
    is damaged is left for a person to look at.
    """
    with status.alone(deployment.settings), postgres.alone(deployment.engine):
        shelf = Shelf(target, deployment.ring)
        shelf.require_marked()
        unfinished = 0 if pretend else remove_unfinished(shelf)
        found = shelf.all()
        whole = [one.manifest for one in found if one.manifest is not None]
        # What has no key any more takes nobody's place: somebody may have put it back.
        opens = [one.manifest for one in found if one.manifest is not None and one.has_key]
        rules = deployment.settings.backup
        kept = keep(whole, rules) | keep(opens, rules)
        removed = [one for one in whole if one.id not in kept]
        if removed and not pretend:
            _require_a_good_one(shelf, [one for one in found if one.id in kept], progress)
            _remove(shelf, deployment, removed)
            status.note(deployment.settings, last_pruned_at=deployment.clock.now())
    return Pruned(tuple(one.id for one in removed), tuple(sorted(kept)), unfinished)


def _require_a_good_one(shelf: Shelf, kept: list[Found], progress: Progress) -> None:
    for one in reversed(kept):
        try:
            assert one.manifest is not None
            shelf.verify(one.manifest, progress)
        except (BackupDamaged, BackupKeyMissing):
            continue
        return
    raise BackupDamaged(
        "no backup that would stay opens, so none was removed",
        "make one: `gatehouse backup now`; then look at the others with `gatehouse backup verify`",
    )


def _remove(shelf: Shelf, deployment: Deployment, removed: list[Manifest]) -> None:
    deployment.audit.append(
        "backup", operation="pruned", count=len(removed), backups=[one.id for one in removed][:20]
    )
    names = (manifests.key_name, manifests.after_name)
    deployment.ring.destroy([name(one.id) for one in removed for name in names])
    for one in removed:
        files = [f"{one.id}/{MANIFEST}", *(f"{one.id}/{part.file}" for part in one.parts)]
        shelf.target.delete(files)
