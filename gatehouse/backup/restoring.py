"""Puts a backup into an empty place: everything is checked first, and nothing half-done is ever used.

The parts are verified whole before a byte is written, made beside their final names, migrated,
scrubbed of what must not come back, proven, and entered in the log; only then do they get their
names, the main database last. An audit log that survived is never replaced: it tells what happened
since, and the restore is written into it. Needs the key ring and its root, and never brings them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sqlalchemy.engine import Engine

from gatehouse.audit import AuditLog, Kept
from gatehouse.audit import schema as audit_schema
from gatehouse.audit import verify as verify_log
from gatehouse.audit.checkpoint import Trust
from gatehouse.audit.deployment import open_checkpointer, open_log
from gatehouse.audit.errors import AuditTampered
from gatehouse.backup import files, postgres, sqlite, status, tables
from gatehouse.backup.deployment import AUDIT, FILES, MAIN, Progress, engine_of, scratch
from gatehouse.backup.errors import BackupDamaged, BackupNewer
from gatehouse.backup.manifest import Manifest, Part
from gatehouse.backup.places import (
    Place,
    discard,
    drop_tables,
    empty_again,
    places,
    put_in_place,
    require_fits,
    require_room,
)
from gatehouse.backup.scrub import Scrubbed, Scrubber, Since, since_of
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import Target
from gatehouse.backup.targets.directory import unavailable
from gatehouse.clock import Clock, as_datetime, as_iso
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.migrations import MAIN as MIGRATIONS
from gatehouse.migrations import upgrade
from gatehouse.settings import Settings
from gatehouse.tracker.proof import Report

Accounts = Literal["open", "closed"]
FROM_BACKUP: Final = ".from-backup"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, what was taken out of it, and what is known of the time since."""

    manifest: Manifest
    parts: tuple[str, ...]
    scrubbed: Scrubbed
    proof: Report
    since: Since | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    chosen: list[tuple[Place, Part]]
    log_survived: bool

    def has(self, name: str) -> bool:
        return any(place.name == name for place, _ in self.chosen)


def restore(
    settings: Settings,
    clock: Clock,
    ring: KeyRing,
    target: Target,
    backup: str,
    progress: Progress,
    accounts: Accounts | None = None,
) -> Restored:
    """Put `backup` where the settings say, if that place is empty.

    `accounts` says what becomes of accounts when no log tells what changed since: without a log that
    survived it has to be given. Raises `InvalidInput`, `NotReady`, `BackupDamaged`, `BackupNewer`,
    `BackupKeyMissing`, `BackupBusy` and `TargetUnavailable`; nothing is changed then.
    """
    with status.alone(settings):
        shelf = Shelf(target, ring)
        manifest = shelf.manifest(backup)
        _require_version(manifest)
        plan = _plan(settings, manifest, accounts)
        with _translated(settings), scratch(settings) as directory:
            require_room(plan.chosen, manifest, directory)
            shelf.verify(manifest, lambda part, done: progress(f"check {part}", done))
            if plan.log_survived:
                _require_older(settings, clock, ring, manifest)
            try:
                return _put_back(
                    settings, clock, ring, shelf, manifest, plan, directory, progress, accounts
                )
            except BaseException:
                for place, _ in plan.chosen:
                    empty_again(place)
                raise


def _require_version(manifest: Manifest) -> None:
    if manifest.migration > MIGRATIONS.head():
        raise BackupNewer(
            f"this backup is of database revision {manifest.migration}, this Gatehouse knows up to "
            f"{MIGRATIONS.head()}",
            f"use version {manifest.product} or a later one",
        )


def _plan(settings: Settings, manifest: Manifest, accounts: Accounts | None) -> _Plan:
    chosen, survived = [], False
    for name, place in places(settings).items():
        part = manifest.part(name)
        if part is None:
            if name in (MAIN, AUDIT):
                raise BackupDamaged(f"this backup lacks the part {name}")
            continue
        if place.is_empty():
            require_fits(place, part)
            chosen.append((place, part))
        elif name == MAIN:
            raise InvalidInput(
                "the main database is not empty; nothing was changed",
                "move it aside, or name an empty one in [database]: nothing is ever put over data",
            )
        elif name == AUDIT:
            survived = True
    if not survived and accounts is None:
        raise NotReady(
            "the audit log has to be restored too, so nobody can say which accounts changed since "
            f"{as_iso(manifest.made_at)}",
            "--accounts closed closes them all; open each with `gatehouse people enable`",
            "--accounts open leaves them as they were then, leavers and lost roles included",
        )
    return _Plan(chosen, survived)


def _put_back(
    settings: Settings,
    clock: Clock,
    ring: KeyRing,
    shelf: Shelf,
    manifest: Manifest,
    plan: _Plan,
    directory: Path,
    progress: Progress,
    accounts: Accounts | None,
) -> Restored:
    for place, part in plan.chosen:
        discard(place)
        _write(shelf, manifest, place, part, directory, progress)
    main = places(settings)[MAIN]
    with engine_of(main.new_url) as engine, _log(settings, clock, ring, manifest, plan) as log:
        upgrade(engine, guarded=False)
        scrubber = Scrubber(engine, ring, clock)
        since = None
        if plan.log_survived:
            since = since_of(log, manifest.audit_entries, scrubber.known_people())
        scrubbed = scrubber.run(since, close_all=since is None and accounts == "closed")
        proof = scrubber.prove()
        unpacked = _files(settings, shelf, manifest, directory, progress)
        log.append(
            "backup_restored",
            backup=manifest.id,
            made_at=as_iso(manifest.made_at),
            parts=[place.name for place, _ in plan.chosen],
            log_survived=plan.log_survived,
            conversations=scrubbed.kept,
            conversations_left_out=scrubbed.conversations,
            accounts_closed=len(scrubbed.accounts_closed),
            holds_lapsed=scrubbed.holds,
            recovery_codes_void=scrubbed.recovery_codes,
        )
        _finish(engine)
    for place, _ in sorted(plan.chosen, key=lambda one: one[0].name == MAIN):
        put_in_place(place)
    status.note(settings, last_restore_at=clock.now())
    names = tuple(place.name for place, _ in plan.chosen)
    return Restored(manifest, names, scrubbed, proof, since, unpacked)


def _write(
    shelf: Shelf, manifest: Manifest, place: Place, part: Part, directory: Path, progress: Progress
) -> None:
    """The content of a part as a SQLite file, or into a PostgreSQL database."""
    path = place.new_file if place.file is not None else directory / f"{part.name}.dump"
    with open(path, "wb", opener=_private) as file:
        file.writelines(shelf.content(manifest, part, progress))
    if place.file is not None:
        sqlite.require_sound(path)
        return
    with engine_of(place.url) as engine:
        drop_tables(place, engine)
        if place.name == AUDIT:
            audit_schema.create(engine)
        elif place.name == MAIN:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"CREATE TABLE {tables.GUARD} (since text)")
    try:
        postgres.restore(place.url, path, only_rows=place.name == AUDIT)
    except BackupDamaged:
        if place.name == MAIN:
            with engine_of(place.url) as engine:
                _finish(engine)
        raise
    finally:
        path.unlink()


def _finish(engine: Engine) -> None:
    """From here on the database may be used."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {tables.GUARD}")


@contextmanager
def _log(
    settings: Settings, clock: Clock, ring: KeyRing, manifest: Manifest, plan: _Plan
) -> Iterator[AuditLog]:
    """The audit log that the restore is written into: the one that survived, or the restored one,
    verified and known to be as long as anybody remembers.

    Raises `NotReady` when it was longer once: its end is lost, and that has to be owned up to.
    """
    if not plan.log_survived:
        url = places(settings)[AUDIT].new_url
        settings = replace(settings, audit=replace(settings.audit, url=url, url_file=""))
    log = open_log(settings, clock, ring)
    try:
        checkpointer = open_checkpointer(settings, clock, ring, log)
        if not plan.log_survived:
            verify_log(
                log,
                manifest.audit_entries,
                trust=checkpointer.trust,
                kept=_kept(checkpointer.trust, manifest),
            )
        try:
            checkpointer.require_whole()
        except AuditTampered as error:
            origin, day = checkpointer.trust.origin, f"{as_datetime(clock.now()):%Y%m%dT%H%M}"
            raise NotReady(
                f"the audit log of this backup lacks its end: {error.message}",
                "those entries are lost; say so with a new name and a new witness file in "
                "gatehouse.toml, then restore again:",
                "[audit]",
                f'origin = "{origin}/{day}"',
                f'witness_file = "var/witness/audit-{day}.jsonl"',
                "keep the old witness file as the record of what was lost",
            ) from error
        yield log
    finally:
        log.engine.dispose()


def _kept(trust: Trust, manifest: Manifest) -> list[Kept]:
    """The checkpoint that the manifest names, unless the log had another name then."""
    note = manifest.audit_checkpoint
    return [] if not note or trust.is_former(note) else [Kept("the backup", [note])]


def _require_older(settings: Settings, clock: Clock, ring: KeyRing, manifest: Manifest) -> None:
    """Raise `InvalidInput` when the log that is there does not continue that of the backup."""
    log = open_log(settings, clock, ring)
    try:
        checkpointer = open_checkpointer(settings, clock, ring, log)
        checkpointer.require_whole()
        if log.size() < manifest.audit_entries:
            raise InvalidInput(
                "the audit log that is there is older than the backup",
                "move it aside to restore that of the backup as well",
            )
        verify_log(log, manifest.audit_entries, trust=checkpointer.trust)
    finally:
        log.engine.dispose()


def _files(
    settings: Settings, shelf: Shelf, manifest: Manifest, directory: Path, progress: Progress
) -> tuple[str, ...]:
    """Put policies where there are none, and the settings of then beside those of now."""
    part = manifest.part(FILES)
    if part is None:
        return ()
    archive, unpacked = directory / "files.tar", directory / "files"
    with open(archive, "wb", opener=_private) as file:
        file.writelines(shelf.content(manifest, part, progress))
    files.extract(archive, unpacked)
    done = []
    policies = settings.path(settings.policy.directory)
    if (unpacked / files.POLICIES).is_dir() and not _has_files(policies):
        policies.mkdir(parents=True, exist_ok=True)
        for path in sorted((unpacked / files.POLICIES).rglob("*")):
            if path.is_file():
                new = policies / path.relative_to(unpacked / files.POLICIES)
                new.parent.mkdir(parents=True, exist_ok=True)
                new.write_bytes(path.read_bytes())
        done.append(str(policies))
    then, now = unpacked / files.SETTINGS, settings.home / files.SETTINGS
    if then.is_file() and not (
        now.is_file() and files.without_passwords(now.read_text("utf-8")) == then.read_text("utf-8")
    ):
        beside = now.with_name(now.name + FROM_BACKUP)
        beside.write_bytes(then.read_bytes())
        beside.chmod(0o600)
        done.append(str(beside))
    return tuple(done)


def _has_files(directory: Path) -> bool:
    return directory.is_dir() and any(path.is_file() for path in directory.rglob("*"))


@contextmanager
def _translated(settings: Settings) -> Iterator[None]:
    """What the operating system refuses while writing is said as what it is."""
    try:
        yield
    except OSError as error:
        raise unavailable(str(settings.home), error) from error


def _private(path: str, _flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
