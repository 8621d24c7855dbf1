"""What is examined: one deployment, opened for reading alone and only as far as a check asks.

Nothing here makes a file, a table or a revision, moves a key ring on or waits long for a server. A
database file is opened read-only; one that cannot be read without making its side files is read as
of its last checkpoint.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.pool import NullPool

from gatehouse.audit.deployment import ANCHOR_FILE
from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError, InvalidInput, NotReady
from gatehouse.settings import Settings

ANSWER = 3  # seconds that a database or a server may take to answer


@dataclass(frozen=True)
class Subject:
    """A deployment with the environment and the clock of the one who asks."""

    home: Path
    settings: Settings
    environment: Mapping[str, str]
    clock: Clock

    @property
    def production(self) -> bool:
        return self.settings.server.profile == "production"

    def shown(self, path: Path) -> str:
        """`path` as a command in the home directory names it."""
        try:
            return str(path.relative_to(self.home))
        except ValueError:
            return str(path)

    def databases(self) -> dict[str, str]:
        """The URL of each database by the name of its section."""
        settings = self.settings
        return {
            "database": settings.database_url(settings.database),
            "audit": settings.database_url(settings.audit),
            "records": settings.database_url(settings.records),
        }

    @contextmanager
    def connection(self, url: str) -> Iterator[Connection]:
        """A read-only transaction. Raises `NotReady` when there is no such database, and
        `IntegrityError` when its file is damaged."""
        engine = _engine(url, self._was_there(url), self.databases()["audit"])
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
        except sa.exc.OperationalError as error:
            raise NotReady("the database does not answer", _ask(url)) from error
        except sa.exc.DatabaseError as error:
            if sqlite_path(url) is None:
                raise NotReady("the database refuses what it was asked") from error
            raise IntegrityError("the database file is damaged") from error
        finally:
            engine.dispose()

    def _was_there(self, url: str) -> bool:
        """Whether something else tells that there was a database at `url`: of the others the audit
        log, of that the anchor beside the key ring."""
        audit = self.settings.database_url(self.settings.audit)
        if url == audit:
            return (self.settings.path(self.settings.keys.directory) / ANCHOR_FILE).exists()
        log = sqlite_path(audit)
        return log is not None and log.exists()


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def _ask(url: str) -> str:
    """The command that asks whether the database answers, without its password."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return f"sqlite3 {shlex.quote(parsed.database or '')} 'PRAGMA quick_check'"
    return f"pg_isready -h {shlex.quote(parsed.host or '')} -p {parsed.port or 5432}"


def _engine(url: str, lost: bool, log_url: str) -> sa.engine.Engine:
    path = sqlite_path(url)
    if path is not None:
        if not path.exists():
            mend = "gatehouse backup restore" if lost else "gatehouse init"
            if lost and url == log_url:  # nothing is restored over databases that are there
                mend = f"put {path} back; docs/audit.md says what to do when it is lost"
            raise NotReady(f"there is no {path.name}" + ("" if lost else " yet"), mend)
        return sa.create_engine(
            "sqlite://", creator=lambda: _open_file(path), poolclass=NullPool, future=True
        )
    if not url.startswith("postgresql"):
        raise InvalidInput("this kind of database is not supported")
    return sa.create_engine(
        url,
        future=True,
        hide_parameters=True,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": ANSWER,
            "options": f"-c default_transaction_read_only=on -c statement_timeout={ANSWER}s",
        },
    )


def _open_file(path: Path) -> sqlite3.Connection:
    # Without its side files SQLite would make them, perhaps as another user than the server's.
    lacks = not path.with_name(path.name + "-shm").exists()
    mode = "mode=ro&immutable=1" if lacks else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=ANSWER)
