"""Brings a database's tables to what this version of the code expects, by numbered revisions.

Every process asks at its start; the one that finds work does it under a lock, in one transaction,
while the others wait. A database without a version that an early Gatehouse made is recognised. A
database that a newer Gatehouse has changed is refused: working on tables that one does not know
loses data. There is no way down; the way back is the backup from before.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from gatehouse.errors import NotReady, Unavailable

_POSTGRES_LOCK: Final = 0x67680002  # any constant of our own
RESTORING: Final = "gh_restoring"
"""A table that exists while a restore is at work in a PostgreSQL database."""
_alembic = threading.Lock()  # Alembic's `op` is one per process


@dataclass(frozen=True)
class History:
    """A folder of revisions (`rNNNN_words.py`) and the table that says which one a database has."""

    folder: Path
    table: str

    def head(self) -> str:
        """The number of the newest revision, from the file names: this must not cost an import."""
        return _head(self.folder)


MAIN: Final = History(Path(__file__).parent / "versions", "gh_schema_version")


def upgrade(engine: Engine, history: History = MAIN, *, guarded: bool = True) -> None:
    """Bring the database of `engine` to the newest revision of `history`.

    A database that a restore was putting back when it was cut off is not touched, unless the
    caller is that restore (`guarded` false). Raises `NotReady` when the database is newer than this code or was made by something else,
    `Unavailable` when it does not answer.
    """
    try:
        with engine.connect() as connection:
            if guarded and sa.inspect(connection).has_table(RESTORING):
                raise NotReady(
                    "a restore into this database was cut off",
                    "drop the tables that it left (or the database), then restore again",
                )
            current = _current(connection, history)
        if current == history.head():
            return
        with _alembic, _alone(engine) as connection:
            _run(connection, history)
    except ProgrammingError as error:
        # A role with the rights of a service account only (`gatehouse database roles`).
        raise NotReady(
            f"the tables are not those of revision {history.head()}, and this role cannot change them",
            "run `gatehouse database upgrade` as their owner, then `gatehouse database roles`",
        ) from error
    except SQLAlchemyError as error:
        raise Unavailable(
            f"the database does not answer ({type(error).__name__})", "check database.url"
        ) from error


def current(engine: Engine, history: History = MAIN) -> str | None:
    """The number of the revision that the database of `engine` has; None when it has none."""
    with engine.connect() as connection:
        return _current(connection, history)


@lru_cache(maxsize=8)
def _head(folder: Path) -> str:
    names = (re.fullmatch(r"r(\d{4})_\w+\.py", path.name) for path in folder.iterdir())
    return max(name[1] for name in names if name)


def _current(connection: Connection, history: History) -> str | None:
    if not sa.inspect(connection).has_table(history.table):
        return None
    query = sa.select(sa.column("version_num")).select_from(sa.table(history.table))
    version = connection.execute(query).scalar()
    return None if version is None else str(version)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no other process migrates."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            with connection.begin():
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK}
                )
                yield connection
            return
        # Rebuilding a table drops the old one; with foreign keys on, SQLite would then delete what
        # refers to it. The pragma has no effect inside a transaction, so it comes before.
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():  # BEGIN IMMEDIATE: the second process waits here
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                    raise NotReady("the database has rows that refer to missing ones")
        finally:
            connection.connection.cursor().execute("PRAGMA foreign_keys=ON")


def _run(connection: Connection, history: History) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(history.folder, version_locations=[history.folder])
    known = {revision.revision for revision in script.walk_revisions()}
    found = _current(connection, history)
    if found is not None and found not in known:
        raise NotReady(
            f"the database is at revision {found}, this Gatehouse knows up to {history.head()}",
            "start the version that last used this database, or a newer one",
        )

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs(history.head(), revision)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(
            connection=connection,
            version_table=history.table,
            transactional_ddl=True,  # also on SQLite: our engine begins transactions itself
        )
        environment.run_migrations()
