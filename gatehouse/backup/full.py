"""Says that a disk is full when that is why a restore failed, whatever noticed it first.

The operating system, SQLite and PostgreSQL each say it in their own way, and other rooms translate
what their database says into errors of their own; the cause is still there.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gatehouse.errors import NotReady, Unavailable
from gatehouse.settings import Settings

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SQLITE: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)  # the latter at a quota
_POSTGRES: Final = "53100"  # disk_full
_FAMILY: Final = 0xFF  # of an extended result code


@contextmanager
def said_if_full(settings: Settings) -> Iterator[None]:
    """Raise `NotReady` for an error of the block that a full disk caused, `Unavailable` for what
    else the operating system refuses; other errors pass."""
    try:
        yield
    except Exception as error:
        if is_full(error):
            raise NotReady(
                f"a disk is full, or takes no writes: there is no room to restore to {settings.home}",
                "make room there (not at the place of the backups), then restore again; nothing was "
                "changed",
            ) from error
        if isinstance(error, OSError):
            raise Unavailable(
                f"{settings.home} cannot be written: {error.strerror or type(error).__name__}",
                "nothing was changed",
            ) from error
        raise


def is_full(error: BaseException | None) -> bool:
    """Whether `error`, or what it came from, is of a disk without room."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", 0)
            if (code or 0) & _FAMILY in _SQLITE:
                return True
        if getattr(error, "pgcode", None) == _POSTGRES:
            return True
        error = error.__cause__ or error.__context__
    return False
