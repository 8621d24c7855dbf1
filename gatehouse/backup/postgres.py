"""Dumps and restores tables of PostgreSQL with its own programs, `pg_dump` and `pg_restore`.

Where and as whom to connect goes through the environment, never through the command line, which
everybody on the machine can read. What the programs say on stderr is not shown: it may quote rows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from gatehouse.backup.errors import BackupBusy
from gatehouse.backup.sealing import Writable
from gatehouse.errors import InvalidInput, NotReady, Unavailable

_VARIABLES: Final = {
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "host": "PGHOST",
    "port": "PGPORT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "application_name": "PGAPPNAME",
}
_PIECE: Final = 1 << 18
_FORBIDDEN: Final = "42501"  # insufficient_privilege
_LOCK: Final = 0x67680003  # any constant of our own


def environment(url: str) -> dict[str, str]:
    """The variables of libpq that say what `url` says, password included.

    Raises `InvalidInput` for a parameter that has none.
    """
    parsed = make_url(url)
    found = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    if home := os.environ.get("HOME"):
        found["HOME"] = home  # ~/.pgpass and ~/.postgresql
    for name, value in (
        ("PGHOST", parsed.host),
        ("PGPORT", parsed.port),
        ("PGUSER", parsed.username),
        ("PGPASSWORD", parsed.password),
        ("PGDATABASE", parsed.database),
    ):
        if value is not None:
            found[name] = str(value)
    for name, given in parsed.query.items():
        if name not in _VARIABLES or not isinstance(given, str):
            raise InvalidInput(
                f"a database URL has the parameter {name!r}, which cannot be passed on"
            )
        found[_VARIABLES[name]] = given
    for name in ("PGPASSWORD", "PGPASSFILE"):
        if name not in found and name in os.environ:
            found[name] = os.environ[name]
    return found


def tables(engine: Engine) -> list[str]:
    """The tables that the search path of `engine` shows. Raises `Unavailable`."""
    try:
        with engine.connect() as connection:
            return sorted(sa.inspect(connection).get_table_names())
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable("the database does not answer", "check its URL") from error


def schema_of(engine: Engine) -> str:
    """The schema that new tables go to. Raises `Unavailable`."""
    try:
        with engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT current_schema()")).scalar() or "")
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable("the database does not answer", "check its URL") from error


def dump(
    url: str, names: Sequence[str], without_rows: Iterable[str], out: Writable,
    step: Callable[[], object],
) -> None:  # fmt: skip
    """An archive of the tables `names` (custom format) into `out`, one state of all of them.

    Raises `Unavailable` when `pg_dump` fails, `NotReady` when it is missing.
    """
    command = [program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    command += ["--compress=1"]  # undoes the writing in hex; what is sealed gets no smaller by more
    command += ["--no-password", "--strict-names", *(f'--table="{name}"' for name in names)]
    command += [f'--exclude-table-data="{name}"' for name in without_rows if name in names]
    with _running(command, url, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(_PIECE):
            out.write(piece)
            step()
    if process.returncode:
        raise Unavailable(
            "pg_dump failed",
            "is it at least as new as the server, and may this role read every table?",
        )


def restore(url: str, archive: Path, *, only_rows: bool = False) -> None:
    """Put an archive of `dump` into the database of `url`, all of it or nothing.

    Raises `NotReady` when `pg_restore` does not do it.
    """
    command = [program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner"]
    command += ["--no-privileges", "--no-password", *(["--data-only"] if only_rows else [])]
    database = make_url(url).database or ""
    with _running([*command, f"--dbname={database}", str(archive)], url) as process:
        process.wait()
    if process.returncode:
        raise NotReady(
            "pg_restore could not put the tables back; nothing was changed",
            "is it at least as new as the server that the backup was made from, is the database "
            "empty, has its disk room, and may this role create tables there?",
        )


@contextmanager
def said_if_forbidden() -> Iterator[None]:
    """Raise `NotReady` for an error of the block that is for want of a right."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != _FORBIDDEN:
            raise
        raise NotReady(
            "this role may not make tables in that database; nothing was changed",
            "restore as the owner of the tables, as for `gatehouse database upgrade`, and then give "
            "the others their rights: `gatehouse database roles`",
        ) from error


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Only one host at a time is inside; a database of another kind has one host anyway.

    Raises `BackupBusy`.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        lock = {"key": _LOCK}
        if not connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), lock).scalar():
            raise BackupBusy(
                "another host is making or restoring a backup", "wait until it is done"
            )
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), lock)


def program(name: str) -> str:
    """The path of a program of PostgreSQL. Raises `NotReady`."""
    found = shutil.which(name)
    if found:
        return found
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    best = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    if best is None:
        raise NotReady(f"{name} is needed for this", "install the PostgreSQL client")
    return str(best)


class _running:
    """A program that is ended when the block ends early."""

    def __init__(self, command: list[str], url: str, stdout: int = subprocess.DEVNULL) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL,
            env=environment(url),
        )  # fmt: skip

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()
