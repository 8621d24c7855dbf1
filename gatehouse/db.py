"""Database engines, opened the same way everywhere.

SQLite is opened so that an acknowledged write survives a power cut and a deleted row is
overwritten; PostgreSQL so that a dead connection is noticed. Nothing here knows a table.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.same_file import SameFile

READS_ONLY = "gatehouse_reads_only"
"""Execution option of a connection whose transaction changes nothing."""

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an acknowledged turn or audit entry is on disk
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",  # no temporary files with row content
)

_FORM = "use sqlite:///path or postgresql+psycopg2://user@host/name"


def open_engine(url: str) -> Engine:
    """An engine for `url` (`sqlite:///path` or `postgresql+psycopg2://…`).

    Raises `InvalidInput` for any other database. Statement parameters never appear in its
    errors or logs (`hide_parameters`).
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not chained: the text of this error holds the URL with its password.
        raise InvalidInput("a database URL cannot be read", _FORM) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url, parsed.database)
    if backend == "postgresql":
        return sa.create_engine(url, future=True, hide_parameters=True, pool_pre_ping=True)
    raise InvalidInput(
        f"a database of the kind {backend!r} is not supported",
        _FORM,
    )


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; None for any other, and for one in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def require_not_lost(url: str, log_url: str) -> None:
    """Raise `NotReady` when the file of a database is gone while its audit log is there.

    A new, empty one in its place would look like a deployment without people and conversations.
    """
    file, log = file_of(url), file_of(log_url)
    lost = file is not None and not file.exists()
    if lost and log is not None and log.exists() and log.stat().st_size:
        raise NotReady(
            f"the database is gone: there is no {file}, and the audit log says that there was one",
            "put it back, or restore a backup: `gatehouse backup restore`",
            f"to begin anew, move {log} away as well",
        )


def _open_sqlite(url: str, database: str | None) -> Engine:
    file: SameFile | None = None
    if database and database != ":memory:":
        path = Path(database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        file = SameFile(path)

    def require_file() -> None:
        if file is not None and not file.is_there():
            raise sqlite3.OperationalError("the file was moved, deleted or replaced")

    require_file()
    engine = sa.create_engine(
        url,
        future=True,
        hide_parameters=True,
        poolclass=QueuePool,  # opening a connection and its pragmas anew costs more than a query
        connect_args={"check_same_thread": False},
    )

    @sa.event.listens_for(engine, "do_connect")
    def _same(*_how: Any) -> None:
        require_file()  # sqlite would make an empty one

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # pysqlite's implicit BEGIN is deferred and does not cover SELECT; take it over.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A write lock from the start: two read-then-write transactions cannot both succeed. What
        # only reads sees one state without one, and neither waits for a writer nor holds one up.
        reads = connection.get_execution_options().get(READS_ONLY, False)
        # To the driver itself: through SQLAlchemy, every transaction would cost one statement more.
        begin = "BEGIN" if reads else "BEGIN IMMEDIATE"
        try:
            require_file()
            connection.connection.dbapi_connection.execute(begin)
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(
                begin, None, error, sqlite3.Error, hide_parameters=True
            ) from error

    return engine
