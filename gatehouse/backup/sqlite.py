"""Copies a SQLite database while it is written to, by its online backup interface.

The copy sees one state: it is taken inside a read transaction, so that a busy database neither
restarts nor blocks it. What must not come back is taken out of the copy, never out of the original.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy.engine import make_url

from gatehouse.backup.errors import BackupDamaged
from gatehouse.errors import NotReady, Unavailable

_PAGES = 1000  # of 4 KiB in one step


def path_of(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise NotReady("a database in memory cannot be backed up")
    return Path(parsed.database)


def copy(source: Path, target: Path, left_out: Iterable[str], step: Callable[[], object]) -> None:
    """A copy of `source` at `target` (which must not exist) without the rows of `left_out`.

    Calls `step` now and then. Raises `Unavailable`.
    """
    if not source.is_file():
        raise Unavailable(f"there is no database {source.name}", "run `gatehouse init`")
    target.touch(mode=0o600)
    try:
        with _opened(source) as origin, _opened(target) as there:
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # one state from here
            origin.backup(there, pages=_PAGES, progress=lambda *_: step())
            origin.execute("COMMIT")
            there.execute("PRAGMA journal_mode=DELETE")
            there.execute("PRAGMA secure_delete=ON")
            names = {row[0] for row in there.execute("SELECT name FROM sqlite_master")}
            for table in sorted(names.intersection(left_out)):
                there.execute(f'DELETE FROM "{table}"')
            there.execute("VACUUM")
    except sqlite3.Error as error:
        raise Unavailable(
            f"the database {source.name} cannot be copied ({type(error).__name__})",
            "is there room for a copy beside it?",
        ) from error


def require_sound(path: Path) -> None:
    """Raise `BackupDamaged` when SQLite finds something wrong in `path`."""
    try:
        with _opened(path) as there:
            found = there.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupDamaged(f"{path.name} is no SQLite database") from error
    if found != "ok":
        raise BackupDamaged(f"{path.name} is not a sound SQLite database")


class _opened:
    """A connection that is closed at the end of the block (sqlite3's own block only commits)."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
