"""The key ring's home for several hosts: tables in PostgreSQL, writers serialised by a row lock.

The ring may lie in a database that is backed up, because only the root has to be erasable; but
after that database was put back from a backup the ring in it is an old copy, which does not open.
So a mirror outside the database is not optional here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.keys.errors import KeyRingDamaged, KeyRingNotReady, KeyRingUnavailable
from gatehouse.keys.shelf import Shelf

_PREFIX: Final = "gh_ring_"
# The ring has a format of its own (column `format`) and is made before any other table, perhaps
# in another database, so it is no part of the numbered revisions of the main database.
_SCHEMA: Final = (
    f"""CREATE TABLE IF NOT EXISTS {_PREFIX}ring (
        one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, ring TEXT NOT NULL,
        revision BIGINT NOT NULL, generation BIGINT NOT NULL, root TEXT NOT NULL,
        wrapped BYTEA NOT NULL, node BYTEA NOT NULL, changed BIGINT NOT NULL,
        rotated_at DOUBLE PRECISION NOT NULL, mirrored_at DOUBLE PRECISION NOT NULL)""",
    f"""CREATE TABLE IF NOT EXISTS {_PREFIX}buckets (
        day BIGINT PRIMARY KEY, node BYTEA NOT NULL, changed BIGINT NOT NULL)""",
    f"""CREATE TABLE IF NOT EXISTS {_PREFIX}pages (
        day BIGINT NOT NULL, shard INTEGER NOT NULL, keys INTEGER NOT NULL,
        earliest DOUBLE PRECISION NOT NULL, node BYTEA NOT NULL, changed BIGINT NOT NULL,
        PRIMARY KEY (day, shard))""",
    f"""CREATE TABLE IF NOT EXISTS {_PREFIX}spares (
        handle TEXT PRIMARY KEY, made_at DOUBLE PRECISION NOT NULL)""",
    # The lock of writers: always there, also before the ring's own row is.
    f"CREATE TABLE IF NOT EXISTS {_PREFIX}lock (one INTEGER PRIMARY KEY CHECK (one = 1))",
    f"INSERT INTO {_PREFIX}lock VALUES (1) ON CONFLICT DO NOTHING",
)
# Any number that nothing else in the database uses: two hosts that start at once make one ring.
_MAKING: Final = 0x6761_7465_7269_6E67


class TableShelf(Shelf):
    """The ring's tables in the database of `engine` (PostgreSQL); safe for threads and hosts."""

    kind = "database"
    prefix = _PREFIX

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.local()

    def create(self) -> None:
        """The empty tables, when they are not there yet."""
        with _translated(), self._engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING})")
            for statement in _SCHEMA:
                connection.exec_driver_sql(statement)

    def exists(self) -> bool:
        """Whether there are tables with a ring in them."""
        with _translated(), self._engine.connect() as connection:
            if connection.exec_driver_sql(f"SELECT to_regclass('{_PREFIX}ring')").scalar() is None:
                return False
            return connection.exec_driver_sql(f"SELECT 1 FROM {_PREFIX}ring").first() is not None

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        connection: Connection = self._local.connection
        result = connection.exec_driver_sql(statement.replace("?", "%s"), values)
        if not result.returns_rows:
            return []
        return [tuple(map(_plain, row)) for row in result.fetchall()]

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._transaction("REPEATABLE READ"):
            yield

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[None]:
        with self._transaction("READ COMMITTED"):
            self.execute("SET LOCAL lock_timeout = '10s'")
            self.execute(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
            self.execute(f"SELECT one FROM {_PREFIX}lock FOR UPDATE")
            yield

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self, level: str) -> Iterator[None]:
        if getattr(self._local, "connection", None) is not None:
            raise AssertionError("transactions of the key ring do not nest")
        with _translated(), self._engine.connect() as plain:
            connection = plain.execution_options(isolation_level=level)
            with connection.begin():
                self._local.connection = connection
                try:
                    yield
                finally:
                    self._local.connection = None


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the database without their text, which may quote a statement."""
    try:
        yield
    except sa.exc.ProgrammingError as error:
        raise KeyRingNotReady(
            "the tables of the key ring are not there or cannot be used", "run `gatehouse init`"
        ) from error
    except (sa.exc.DataError, sa.exc.IntegrityError) as error:
        raise KeyRingDamaged("the tables of the key ring are not what was made") from error
    except sa.exc.SQLAlchemyError as error:
        raise KeyRingUnavailable(
            f"the key ring cannot be reached ({type(error).__name__})",
            "check the database that [keys] names",
        ) from error
