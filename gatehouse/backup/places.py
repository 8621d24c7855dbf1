"""Where each part of a backup goes, and whether that place is empty.

Nothing is ever put over anything: a place that holds data is left as it is and named.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.backup import postgres, sqlite, tables
from gatehouse.backup.deployment import AUDIT, MAIN, RECORDS, engine_of
from gatehouse.backup.manifest import Manifest, Part
from gatehouse.errors import InvalidInput, NotReady, Unavailable
from gatehouse.settings import Settings

RESTORING: Final = ".restoring"
_SIDE: Final = ("-wal", "-shm")
_SPARE: Final = 32 << 20  # bytes of room beyond what is written


@dataclass(frozen=True, slots=True)
class Place:
    """The database of one part: its URL and, for SQLite, its file."""

    name: str
    url: str
    file: Path | None

    @property
    def new_file(self) -> Path:
        """Where the file is made before it gets its name."""
        assert self.file is not None
        return self.file.with_name(self.file.name + RESTORING)

    @property
    def new_url(self) -> str:
        """The URL of what is being put back."""
        return self.url if self.file is None else f"sqlite:///{self.new_file}"

    def is_made(self) -> bool:
        """Whether there is a file, or are tables, at all. Raises `Unavailable`."""
        if self.file is not None:
            return self.file.exists()
        with engine_of(self.url) as engine:
            return bool(self.tables(postgres.tables(engine)))

    def is_empty(self) -> bool:
        """Whether nothing of ours is there: no tables, or none with a row, as after any command since
        the loss. Raises `Unavailable`, `NotReady` for a half restore."""
        if self.file is not None:
            return _is_empty_file(self.file)
        with engine_of(self.url) as engine:
            there = postgres.tables(engine)
            if tables.GUARD in there:
                raise NotReady(
                    "an earlier restore into this database was cut off",
                    "drop the tables that it left (or the database), then restore again",
                )
            return not _has_rows(engine, self.tables(there))

    def tables(self, there: list[str]) -> list[str]:
        """Those of the tables `there` that belong to this part."""
        if self.name == AUDIT:
            return [name for name in tables.AUDIT if name in there]
        return (tables.of_main if self.name == MAIN else tables.of_records)(there)


def places(settings: Settings) -> dict[str, Place]:
    """The places of all databases by the name of their part."""
    urls = {
        MAIN: settings.database_url(settings.database),
        RECORDS: settings.database_url(settings.records),
        AUDIT: settings.database_url(settings.audit),
    }
    return {name: Place(name, url, sqlite.path_of(url)) for name, url in urls.items()}


def require_fits(place: Place, part: Part) -> None:
    """Raise `InvalidInput` when a part came from another kind of database than it would go to."""
    kind = "postgresql" if place.file is None else "sqlite"
    if kind != part.kind:
        raise InvalidInput(
            f"the backup of {part.name} is of {part.kind}, the settings name {kind}",
            "restore it to the kind of database that it came from",
        )
    if place.file is None:
        with engine_of(place.url) as engine:
            schema = postgres.schema_of(engine)
        if schema != part.place:
            raise InvalidInput(
                f"the tables of {part.name} were in the schema {part.place!r}, this database has "
                f"{schema!r}",
                "name a database with that schema in its search path",
            )


def require_room(chosen: list[tuple[Place, Part]], manifest: Manifest, scratch: Path) -> None:
    """Raise `Unavailable` when a volume lacks room for what will be written to it."""
    needed: dict[int, tuple[Path, int]] = {}
    scratched = sum(part.plain_size for part in manifest.parts if part.kind != "sqlite")
    wanted = [(scratch, scratched)]
    for place, part in chosen:
        if place.file is not None:
            place.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Twice: dropping rows and migrating rewrite pages.
            wanted.append((place.file.parent, 2 * part.plain_size))
    for directory, size in wanted:
        volume = directory.stat().st_dev
        needed[volume] = (directory, needed.get(volume, (directory, 0))[1] + size)
    for directory, size in needed.values():
        if shutil.disk_usage(directory).free < size + _SPARE:
            raise Unavailable(
                f"there is not enough room below {directory}: {(size + _SPARE) / (1 << 20):.0f} MiB are "
                "needed",
                "make room there, then restore again; nothing was changed",
            )


def discard(place: Place) -> None:
    """Remove what a restore that was cut off left of a SQLite file."""
    if place.file is not None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            place.new_file.with_name(place.new_file.name + suffix).unlink(missing_ok=True)


def empty_again(place: Place) -> None:
    """Take back what a restore that failed wrote to a place that was empty before."""
    discard(place)
    if place.file is not None:
        return
    with contextlib.suppress(sa.exc.SQLAlchemyError, Unavailable), engine_of(place.url) as engine:
        drop_tables(place, engine)
        if place.name == MAIN:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {tables.GUARD}")


def drop_tables(place: Place, engine: Engine) -> None:
    """Drop the tables of a part from a PostgreSQL database; for a place that is empty only."""
    names = place.tables(postgres.tables(engine))
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}" CASCADE')


def put_in_place(finished: Iterable[Place]) -> None:
    """Give finished SQLite files their names, durably, the main database last: all of them or none.

    Raises `OSError`, `sqlite3.Error`.
    """
    chosen = [place for place in finished if place.file is not None]
    for place in chosen:  # before any has its name, because this may need room
        _fold_log(place.new_file)
        with open(place.new_file, "rb") as file:
            os.fsync(file.fileno())
    done: list[Path] = []
    try:
        for place in sorted(chosen, key=lambda one: one.name == MAIN):
            assert place.file is not None
            for suffix in _SIDE:  # of the empty database that is replaced; they fit no other
                place.file.with_name(place.file.name + suffix).unlink(missing_ok=True)
            os.replace(place.new_file, place.file)
            done.append(place.file)
            _sync(place.file.parent)
    except OSError:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fold_log(path: Path) -> None:
    """Bring everything of a database into its one file, so that it can be renamed."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()


def _is_empty_file(path: Path) -> bool:
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal")]
    if not path.exists():
        if left := next((log for log in logs if log.exists()), None):
            raise InvalidInput(
                f"{left.name} is there without its database",
                "move it aside: it may hold committed rows, and fits no other file",
            )
        return True
    try:
        connection = sqlite3.connect(path)
        try:
            names = [
                str(row[0])
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return not any(
                connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()
                for name in names
                if name != tables.VERSION_TABLE
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InvalidInput(
            f"{path.name} is there and is no database that can be read", "move it aside"
        ) from error


def _has_rows(engine: Engine, names: list[str]) -> bool:
    """Whether any table has one; that of the revision does not count: every command makes it."""
    try:
        with engine.connect() as connection:
            return any(
                connection.exec_driver_sql(f'SELECT 1 FROM "{name}" LIMIT 1').first() is not None
                for name in names
                if name != tables.VERSION_TABLE
            )
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable("a database cannot be read", "check its URL") from error
