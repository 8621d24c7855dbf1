"""The file `ring.db` that holds the sealed nodes of the key ring.

A small SQLite file of its own: crash-safe, shared by several processes of one host, and never the
database that is backed up. It knows rows and transactions, not keys: every node it stores is
already sealed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gatehouse.keys.errors import KeyRingDamaged, KeyRingUnavailable

FORMAT: Final = 1

_SCHEMA: Final = (
    """CREATE TABLE ring (
        one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, ring TEXT NOT NULL,
        revision INTEGER NOT NULL, generation INTEGER NOT NULL, root TEXT NOT NULL,
        wrapped BLOB NOT NULL, node BLOB NOT NULL)""",
    "CREATE TABLE buckets (day INTEGER PRIMARY KEY, node BLOB NOT NULL)",
    """CREATE TABLE pages (
        day INTEGER NOT NULL, shard INTEGER NOT NULL, keys INTEGER NOT NULL,
        earliest REAL NOT NULL, node BLOB NOT NULL, PRIMARY KEY (day, shard))""",
)
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA busy_timeout=10000",
)


class Shelf:
    """One connection to `ring.db`, used by one thread at a time (`lock`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    @classmethod
    def create(cls, path: Path) -> Shelf:
        """A new, empty file of mode 0600. Raises `FileExistsError`."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        shelf = cls(path)
        with shelf.writing():
            for statement in _SCHEMA:
                shelf.execute(statement)
        return shelf

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of one statement, inside `reading` or `writing`."""
        return self._connect().execute(statement, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view of the file."""
        with self._lock, _translated():
            self.execute("BEGIN")
            try:
                yield
            finally:
                self._connect().rollback()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[None]:
        """One change, made by one process at a time, whole or not at all.

        With `durable` false the change survives the death of the process but perhaps not a power
        cut, until the next durable one.
        """
        with self._lock, _translated():
            self.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                self._connect().rollback()
                raise

    def copy_to(self, path: Path) -> None:
        """A consistent copy of the file, for a mirror."""
        with self._lock, _translated():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600))
            target = sqlite3.connect(path)
            try:
                self._connect().backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
            finally:
                target.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        # A connection must not be used across a fork (sqlite.org/howtocorrupt, section 2.6).
        if self._connection is None or self._process != os.getpid():
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            self._process = os.getpid()
            for pragma in _PRAGMAS:
                self._connection.execute(pragma)
        return self._connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise KeyRingUnavailable(
            f"the key ring cannot be used now: {error}", "check the disk and ring.db's permissions"
        ) from error
    except sqlite3.DatabaseError as error:
        raise KeyRingDamaged(
            f"the key ring is damaged: {error}", "put ring.db back from its mirror"
        ) from error
