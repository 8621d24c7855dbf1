"""Puts a backup into an empty place: everything is checked first, and nothing half-done is ever used.

The parts are verified whole before a byte is written, made beside their final names, migrated,
scrubbed of what must not come back, proven, and entered in the log; only then do they get their
names, the main database last. An audit log that survived is never replaced: it tells what happened
since, and the restore is written into it. Needs the key ring and its root, and never brings them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import Engine

from gatehouse.audit import schema as audit_schema
from gatehouse.backup import files, postgres, sqlite, status, tables
from gatehouse.backup.deployment import AUDIT, FILES, MAIN, Progress, engine_of, scratch
from gatehouse.backup.errors import BackupDamaged, BackupNewer
from gatehouse.backup.full import said_if_full
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
from gatehouse.backup.restored_log import require_older, restored_log, undecided
from gatehouse.backup.scrub import Scrubbed, Scrubber
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.since import Since, since_of
from gatehouse.backup.targets import Target
from gatehouse.clock import Clock, as_iso
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.migrations import MAIN as MIGRATIONS
from gatehouse.migrations import upgrade
from gatehouse.settings import Settings
from gatehouse.tracker.proof import Report

Accounts = Literal["open", "closed"]


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
        with said_if_full(settings), scratch(settings) as directory:
            require_room(plan.chosen, manifest, directory)
            shelf.verify(manifest, lambda part, done: progress(f"check {part}", done))
            if plan.log_survived:
                require_older(settings, clock, ring, manifest, decided=accounts is not None)
            try:
                with postgres.said_if_forbidden():
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
        raise undecided("the audit log has to be restored too", manifest)
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
    with (
        engine_of(main.new_url) as engine,
        restored_log(settings, clock, ring, manifest, survived=plan.log_survived) as log,
    ):
        upgrade(engine, guarded=False)
        scrubber = Scrubber(engine, ring, clock)
        since = None
        if plan.log_survived:
            since = since_of(log, manifest.audit_entries, scrubber.known_people())
        blind = since is None or since.gap
        scrubbed = scrubber.run(since, close_all=blind and accounts == "closed")
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
    put_in_place(place for place, _ in plan.chosen)
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
    except NotReady:
        if place.name == MAIN:
            with engine_of(place.url) as engine:
                _finish(engine)
        raise
    finally:
        path.unlink()


def _files(
    settings: Settings, shelf: Shelf, manifest: Manifest, directory: Path, progress: Progress
) -> tuple[str, ...]:
    part = manifest.part(FILES)
    if part is None:
        return ()
    archive, unpacked = directory / "files.tar", directory / "files"
    with open(archive, "wb", opener=_private) as file:
        file.writelines(shelf.content(manifest, part, progress))
    files.extract(archive, unpacked)
    return files.put_back(settings, unpacked)


def _finish(engine: Engine) -> None:
    """From here on the database may be used."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {tables.GUARD}")


def _private(path: str, _flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
