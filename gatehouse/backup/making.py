"""Makes a backup while the assistant serves: sealed on the way, read back, and only then counted.

Nothing in clear reaches the second place. The manifest is written last; whatever stops the work
before that leaves no backup, and what it left is removed then or by the next run. Its key enters the
ring just before: what has a key there was whole once, and is never taken for such leftovers, whatever
somebody removed at the place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from gatehouse import metrics
from gatehouse.audit.errors import AuditTampered
from gatehouse.backup import manifest as manifests
from gatehouse.backup import postgres, status
from gatehouse.backup.deployment import Deployment, Progress, Source, sources
from gatehouse.backup.errors import BackupGivenUp
from gatehouse.backup.manifest import Manifest, Part
from gatehouse.backup.sealing import SealedWriter
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import MANIFEST, Target
from gatehouse.clock import as_datetime
from gatehouse.errors import GatehouseError
from gatehouse.keys.envelope import KEY_SIZE
from gatehouse.logs import get_logger
from gatehouse.migrations import current

log = get_logger(__name__)

LONGEST_REASON: Final = 200


def make_backup(
    deployment: Deployment, target: Target, progress: Progress, *, new: bool = False
) -> Manifest:
    """A backup of `deployment` at `target`, read back whole and recorded.

    `new` marks a place that was never used. Raises `BackupBusy` while another one is made, and
    `GatehouseError` for whatever stands against it; then there is no backup of this run.
    """
    settings, began = deployment.settings, deployment.clock.now()
    with status.alone(settings), postgres.alone(deployment.engine):
        try:
            manifest = _made(deployment, target, progress, new=new)
        except BackupGivenUp:
            raise
        except BaseException as error:
            _failed(deployment, error)
            raise
    now = deployment.clock.now()
    deployment.audit.append(
        "backup", operation="made", backup=manifest.id, bytes=manifest.size,
        parts=[part.name for part in manifest.parts], entries=manifest.audit_entries,
    )  # fmt: skip
    metrics.BACKUPS.add(outcome="made")
    status.note(
        settings,
        same_volume=on_same_volume(deployment, target),
        last_backup_at=manifest.made_at,
        last_backup_id=manifest.id,
        last_backup_bytes=manifest.size,
        last_backup_seconds=round(max(0.0, now - began), 3),
        last_verified_at=now,
        last_error=None,
        last_error_at=None,
    )
    return manifest


def on_same_volume(deployment: Deployment, target: Target) -> bool:
    """Whether the place of the backups would be lost with the volume of the deployment."""
    return target.volume is not None and target.volume == deployment.settings.home.stat().st_dev


def remove_unfinished(shelf: Shelf) -> int:
    """Remove what runs that were cut off left behind; how many there were.

    Call it under the lock only: a run at work looks the same.
    """
    there = shelf.target.names()
    cut_off = {one for one in shelf.without_manifest(there) if not shelf.was_whole(one)}
    names = [name for name in there if name.partition("/")[0] in cut_off or _unfinished(name)]
    shelf.target.delete(names)
    return len({name.partition("/")[0] for name in names})


def _unfinished(name: str) -> bool:
    backup, _, file = name.partition("/")
    return bool(manifests.ID.fullmatch(backup)) and file.endswith(".unfinished")


def _made(deployment: Deployment, target: Target, progress: Progress, *, new: bool) -> Manifest:
    shelf = Shelf(target, deployment.ring)
    (shelf.mark if new else shelf.require_marked)()
    remove_unfinished(shelf)
    before = _predecessor(shelf, deployment)
    with contextlib.suppress(AuditTampered):  # the log says so itself, and the copy is evidence
        deployment.checkpoints.make()
    # Asked before anything is copied: the copy of the log holds at least this much.
    entries, checkpoint = deployment.audit.size(), deployment.audit.last_checkpoint() or ""
    at = deployment.clock.now()
    backup = f"{as_datetime(at):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    key = os.urandom(KEY_SIZE)
    try:
        parts = [
            _written(source, backup, key, target, progress)
            for source in sources(deployment.settings)
        ]
        manifest = Manifest(
            id=backup,
            made_at=at,
            deployment=manifests.deployment_of(deployment.ring),
            product=version("gatehouse"),
            migration=current(deployment.engine) or "",
            policy_revision=deployment.policies.current().revision,
            audit_entries=entries,
            audit_checkpoint=checkpoint,
            parts=tuple(parts),
        )
        deployment.ring.keep(manifest.key_name, key)
        with target.writing(f"{backup}/{MANIFEST}") as file:
            file.write(manifests.sign(manifest, deployment.ring).encode())
        shelf.verify(shelf.manifest(backup), lambda part, done: progress(f"check {part}", done))
        if before is not None:
            deployment.ring.kept_key(manifests.after_name(before))
    except BaseException:
        _withdraw(shelf, deployment, backup)
        raise
    return manifest


def _predecessor(shelf: Shelf, deployment: Deployment) -> str | None:
    """The newest backup that is there; it is recorded when a later one was and is gone."""
    whole = [one.id for one in shelf.all() if one.manifest is not None]
    if not whole:
        return None
    if shelf.has_successor(whole[-1]):
        log.error("backups are missing at their place")
        deployment.audit.append("backup", operation="missing", backup=whole[-1])
    return whole[-1]


def _withdraw(shelf: Shelf, deployment: Deployment, backup: str) -> None:
    """Take back what was written; what cannot be now, the next run does."""
    with contextlib.suppress(GatehouseError):  # first: what has a key is no leftover
        deployment.ring.destroy([manifests.key_name(backup)])
    with contextlib.suppress(GatehouseError):
        mine = [name for name in shelf.target.names() if name.startswith(f"{backup}/")]
        mine.sort(key=lambda name: not name.endswith(MANIFEST))  # first, so that none looks whole
        shelf.target.delete(mine)


def _written(source: Source, backup: str, key: bytes, target: Target, progress: Progress) -> Part:
    with target.writing(f"{backup}/{source.name}.sealed") as file:
        sealed = _Tally(file.write)
        writer = SealedWriter(sealed, key, manifests.head_of(backup, source.name))
        plain = _Tally(writer.write, lambda done: progress(source.name, done))
        source.write(plain, lambda: progress(source.name, 0))
        writer.finish()
    return Part(
        source.name, source.kind, plain.size, plain.hash, sealed.size, sealed.hash, source.place
    )


def _failed(deployment: Deployment, error: BaseException) -> None:
    reason = error.message if isinstance(error, GatehouseError) else type(error).__name__
    now = deployment.clock.now()
    metrics.BACKUPS.add(outcome="failed")
    status.note(deployment.settings, last_error=reason[:LONGEST_REASON], last_error_at=now)
    with contextlib.suppress(GatehouseError):
        deployment.audit.append("backup", operation="failed", reason=type(error).__name__)


class _Tally:
    """Counts and hashes what goes through it."""

    def __init__(
        self, write: Callable[[bytes], object], done: Callable[[int], object] = lambda _: None
    ) -> None:
        self._write = write
        self._done = done
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes, /) -> int:
        self._write(data)
        self._hash.update(data)
        self.size += len(data)
        self._done(len(data))
        return len(data)
