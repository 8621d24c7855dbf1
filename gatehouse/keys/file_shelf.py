"""The file `ring.db`: the key ring's home on one host, and the form of every copy of a ring.

A small SQLite file of its own: crash-safe, shared by several processes of one host, and never the
database that is backed up.
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
from gatehouse.keys.shelf import Shelf
from gatehouse.same_file import SameFile

_SCHEMA: Final = (
    """CREATE TABLE ring (
        one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, ring TEXT NOT NULL,
        revision INTEGER NOT NULL, generation INTEGER NOT NULL, root TEXT NOT NULL,
        wrapped BLOB NOT NULL, node BLOB NOT NULL, changed INTEGER NOT NULL DEFAULT 0,
        rotated_at REAL NOT NULL DEFAULT 0, mirrored_at REAL NOT NULL DEFAULT 0)""",
    """CREATE TABLE buckets (
        day INTEGER PRIMARY KEY, node BLOB NOT NULL, changed INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE pages (
        day INTEGER NOT NULL, shard INTEGER NOT NULL, keys INTEGER NOT NULL,
        earliest REAL NOT NULL, node BLOB NOT NULL, changed INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (day, shard))""",
    "CREATE TABLE spares (handle TEXT PRIMARY KEY, made_at REAL NOT NULL)",
)
# What format 1 lacked.
_FROM_FORMAT_1: Final = (
    "ALTER TABLE ring ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE ring ADD COLUMN rotated_at REAL NOT NULL DEFAULT 0",
    "ALTER TABLE ring ADD COLUMN mirrored_at REAL NOT NULL DEFAULT 0",
    "ALTER TABLE buckets ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE pages ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    _SCHEMA[3],
)
_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA busy_timeout=10000",
)


class FileShelf(Shelf):
    """One connection to a ring file, used by one thread at a time.

    `shared` files are read and written by several processes at once (write-ahead log); a copy on
    another volume, perhaps one that is mounted over a network, is not.
    """

    kind = "file"

    def __init__(self, path: Path, *, shared: bool = True, called: str = "the key ring") -> None:
        """`called` is the name of it in errors; what is called otherwise is a copy."""
        self.path = path
        self._called = called
        self._journal = "WAL" if shared else "DELETE"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._file = SameFile(path)

    @classmethod
    def create(cls, path: Path, *, shared: bool = True) -> FileShelf:
        """A new, empty file of mode 0600. Raises `KeyRingUnavailable` when it cannot be made."""
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            raise KeyRingUnavailable(f"{path} cannot be made: {error.strerror}") from error
        shelf = cls(path, shared=shared)
        with shelf.writing():
            for statement in _SCHEMA:
                shelf.execute(statement)
        return shelf

    def bring_up_to_date(self) -> None:
        """Add what an earlier format lacked; the ring itself moves on at its next rotation."""
        with self.writing():
            columns = {row[1] for row in self.execute("PRAGMA table_info(ring)")}
            if columns and "changed" not in columns:
                for statement in _FROM_FORMAT_1:
                    self.execute(statement)

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connect().execute(statement, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._lock, self._translated():
            self._require_file()
            self.execute("BEGIN")
            try:
                yield
            finally:
                self._connect().rollback()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[None]:
        with self._lock, self._translated():
            self._require_file()
            self.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                self._connect().rollback()
                raise

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _require_file(self) -> None:
        """A ring that was moved, deleted or replaced under this process takes no more keys."""
        if self._connection is not None and not self._file.is_there():
            raise KeyRingUnavailable(
                f"the key ring {self.path} was moved, deleted or replaced while it was in use",
                "put it back and restart",
            )

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
            self._file = SameFile(self.path)
            self._file.is_there()
            for pragma in (f"PRAGMA journal_mode={self._journal}", *_PRAGMAS):
                self._connection.execute(pragma)
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            away = isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error)
            if away:
                raise KeyRingUnavailable(
                    f"{self._called} cannot be used now: {error}",
                    f"check the disk and the mode of {self.path}",
                ) from error
            raise KeyRingDamaged(f"{self._called} is damaged: {error}", self._mend()) from error

    def _mend(self) -> str:
        if self._called == "the key ring":
            return "put it back from its mirror with `gatehouse keys restore`"
        return (
            f"the ring itself is another file: move {self.path} away and run "
            "`gatehouse keys mirror --new`"
        )
