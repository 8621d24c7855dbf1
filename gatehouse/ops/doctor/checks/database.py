"""The databases: whether they answer, at which revision, and whether they overwrite what is deleted."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.errors import GatehouseError, IntegrityError
from gatehouse.migrations import MAIN
from gatehouse.ops.doctor.finding import Finding, advice, bad, good
from gatehouse.ops.doctor.subject import Subject, sqlite_path
from gatehouse.production import demo_marker

_LARGE_LOG = 64 << 20  # bytes of a write-ahead log: deleted rows stay in it until it is truncated
_CHECKED = 256 << 20  # bytes up to which a file is checked as a whole


def look(subject: Subject) -> Iterator[Finding]:
    if any(sqlite_path(url) for url in subject.databases().values()):
        yield from _overwrites()
    for name, url in subject.databases().items():
        path = sqlite_path(url)
        if name == "records" and path is not None and not path.exists():
            if demo_marker(subject.settings).exists():
                what = "records: the demonstration's records are gone"
                yield bad("database.no_records", what, "gatehouse init --demo")
            continue  # an own system of record is none of these databases
        try:
            with subject.connection(url) as connection:
                if name == "database":
                    yield from _revision(connection)
                if path is None:
                    yield good("database.answers", f"{name}: PostgreSQL answers")
                elif path.stat().st_size <= _CHECKED:
                    yield _whole(connection, name, path)
        except IntegrityError:
            yield _damaged(name, path)
            continue
        except GatehouseError as error:
            where = f"{name}: {error.message}"
            mend = next(iter(error.hints), "gatehouse settings")
            yield bad("database.away", where, mend)
            continue
        if path is not None:
            log = path.with_name(path.name + "-wal")
            if log.exists() and log.stat().st_size > _LARGE_LOG:
                what = f"{name}: the write-ahead log has {log.stat().st_size >> 20} MB"
                mend = f'sqlite3 {subject.shown(path)} "PRAGMA wal_checkpoint(TRUNCATE)"'
                yield advice("database.large_log", what, mend)


def _revision(connection: Connection) -> Iterator[Finding]:
    found, newest = _revision_of(connection), MAIN.head()
    if found is None:
        yield bad("database.empty", "database: it has no tables of Gatehouse", "gatehouse init")
    elif found < newest:
        what = f"database: revision {found}; the next start brings it to {newest}"
        yield advice("database.older", what, "gatehouse run")
    elif found > newest:
        what = f"database: revision {found} is of a newer Gatehouse, which knows up to {newest}"
        yield bad("database.newer", what, "start the version that last used this database")
    else:
        yield good("database.revision", f"database: revision {found}")


def _revision_of(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(MAIN.table):
        return None
    column = sa.select(sa.column("version_num")).select_from(sa.table(MAIN.table))
    version = connection.execute(column).scalar()
    return None if version is None else str(version)


def _whole(connection: Connection, name: str, path: Path) -> Finding:
    said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if said == "ok":
        return good("database.whole", f"{name}: the file is whole")
    return _damaged(name, path)


def _damaged(name: str, path: Path | None) -> Finding:
    mend = "gatehouse audit verify"
    if (
        name != "audit"
    ):  # a log is looked at before anything is done; nothing is put over the others
        # Nothing is restored over databases that are there; the demonstration's records are made anew.
        last = "gatehouse init --demo" if name == "records" else "gatehouse backup restore"
        mend = f"mkdir -p aside && mv {shlex.quote(str(path))}* aside/ && {last}"
    return bad("database.damaged", f"{name}: the file is damaged", mend, altered=True)


def _overwrites() -> Iterator[Finding]:
    """Whether this SQLite does what `gatehouse.db` asks of it; it is a property of the library."""
    with sqlite3.connect(":memory:") as probe:
        probe.execute("PRAGMA secure_delete=ON")
        on = probe.execute("PRAGMA secure_delete").fetchone()[0]
    if on != 1:
        what = "this SQLite does not overwrite deleted rows"
        yield bad("database.secure_delete", what, "install an SQLite with secure_delete")
