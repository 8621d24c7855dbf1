"""Reads the sealed conversations out of a backup, whatever kind it is, without running any of it.

A SQLite file is read from a private copy, so that evidence stays as it is. A `pg_dump` is never
executed: a dump is a script, and only the rows of two tables are wanted of it, so they are taken
from its COPY blocks (an archive is turned into text by `pg_restore` first). A base backup is started
by its owner and given as a URL.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.tracker.transactions import snapshot

_WANTED: Final = {
    "gh_conversations": ("handle", "tag_day", "name", "expires_at", "head"),
    "gh_records": ("handle", "sequence", "envelope"),
}
_BYTES: Final = frozenset({"name", "head", "envelope"})
_SQLITE: Final = b"SQLite format 3\0"
_ARCHIVE: Final = b"PGDMP"
_GZIP: Final = b"\x1f\x8b"
_COPY: Final = re.compile(
    rb'COPY (?:[\w"$]+\.)?"?(gh_conversations|gh_records)"? \(([^)]*)\) FROM stdin;'
)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BATCH: Final = 100  # conversations whose records are in memory together

conversations = sa.table(
    "gh_conversations", *(sa.column(name) for name in _WANTED["gh_conversations"])
)
records = sa.table("gh_records", *(sa.column(name) for name in _WANTED["gh_records"]))


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation as a backup holds it, with its records in order."""

    handle: str
    tag_day: int
    name: bytes
    expires_at: float
    head: bytes
    records: list[tuple[int, bytes]]

    def without_records(self) -> Row:
        """The same, for what has to be remembered of many."""
        return replace(self, records=[])


class Backup:
    """The conversations of a backup; `kind` says in a few words what it is."""

    def __init__(self, kind: str, engine: Engine) -> None:
        self.kind = kind
        self._engine = engine

    def rows(self) -> Iterator[Row]:
        """Every conversation, one at a time. Raises `TrackerUnavailable`."""
        with snapshot(self._engine) as connection:
            handles = connection.execute(sa.select(conversations.c.handle)).scalars().all()
        for start in range(0, len(handles), _BATCH):
            yield from self._some(handles[start : start + _BATCH])

    def _some(self, handles: list[str]) -> Iterator[Row]:
        with snapshot(self._engine) as connection:
            found = connection.execute(
                sa.select(conversations).where(conversations.c.handle.in_(handles))
            ).fetchall()
            turns: dict[str, list[tuple[int, bytes]]] = {}
            for row in connection.execute(
                sa.select(records)
                .where(records.c.handle.in_(handles))
                .order_by(records.c.handle, records.c.sequence)
            ):
                turns.setdefault(row.handle, []).append((int(row.sequence), bytes(row.envelope)))
        for row in found:
            yield Row(
                row.handle,
                int(row.tag_day),
                bytes(row.name),
                float(row.expires_at),
                bytes(row.head),
                turns.get(row.handle, []),
            )


@contextmanager
def open_backup(given: str) -> Iterator[Backup]:
    """The backup at a path or PostgreSQL URL.

    Raises `InvalidInput` when it is none of the known kinds or holds no conversations table.
    """
    if "://" in given:
        yield from _of_url(given)
        return
    path = Path(given)
    with tempfile.TemporaryDirectory(prefix="gatehouse-backup-") as scratch:
        copy = Path(scratch) / "backup.db"
        kind = _load(path, copy)
        engine = open_engine(f"sqlite:///{copy}")
        try:
            _require_tables(engine)
            yield Backup(kind, engine)
        finally:
            engine.dispose()


def _of_url(url: str) -> Iterator[Backup]:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg2://", 1)
    engine = open_engine(url)
    try:
        _require_tables(engine)
        yield Backup("a restored database", engine)
    finally:
        engine.dispose()


def _load(path: Path, copy: Path) -> str:
    if path.is_dir() and not (path / "toc.dat").exists():
        hint = "start the base backup on a port of its own and give its URL, postgresql://…"
        raise InvalidInput("a directory of PostgreSQL is not read as files", hint)
    try:
        with open(path / "toc.dat" if path.is_dir() else path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InvalidInput(f"the backup cannot be read: {error.strerror}") from error
    if start.startswith(_SQLITE):
        _copy_sqlite(path, copy)
        return "a copied SQLite file"
    connection = _new_copy(copy)
    try:
        if path.is_dir() or start.startswith(_ARCHIVE) or _is_tar(path):
            _from_archive(path, connection)
            return "an archive of pg_dump"
        with _opened(path, compressed=start.startswith(_GZIP)) as file:
            found = _from_script(file, connection)
    except (OSError, EOFError) as error:
        raise InvalidInput(f"the backup cannot be read ({type(error).__name__})") from error
    finally:
        connection.close()
    if not found:
        raise InvalidInput(
            "this is no backup with conversations that can be read here",
            "a copied SQLite file, pg_dump in any format with COPY (not --inserts), or a URL",
        )
    return "a script of pg_dump"


def _opened(path: Path, *, compressed: bool) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path, "rb") if compressed else open(path, "rb")


def _is_tar(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(257)
        return file.read(5) == b"ustar"


def _copy_sqlite(path: Path, copy: Path) -> None:
    """With its write-ahead log, when that lies beside it: committed rows may be only there."""
    for suffix in ("", "-wal"):
        beside = path.with_name(path.name + suffix)
        if not suffix or beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + suffix))


def _new_copy(copy: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(copy, isolation_level=None)
    for table, columns in _WANTED.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    return connection


def _require_tables(engine: Engine) -> None:
    with snapshot(engine) as connection:
        there = set(sa.inspect(connection).get_table_names())
    missing = sorted(_WANTED.keys() - there)
    if missing:
        raise InvalidInput(
            f"the backup has no table {missing[0]}", "give the backup of the main database"
        )


def _from_archive(path: Path, connection: sqlite3.Connection) -> None:
    """The rows of an archive; `pg_restore` writes them out and connects to nothing."""
    command = [_program("pg_restore"), "--data-only", "--file=-"]
    command += [f"--table={table}" for table in _WANTED]
    with subprocess.Popen(
        [*command, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    ) as process:
        assert process.stdout is not None
        found = _from_script(process.stdout, connection)
    if process.returncode:
        raise InvalidInput(
            "pg_restore cannot read this archive",
            "it was cut off, or made by a newer PostgreSQL than the one installed here",
        )
    if not found:
        raise InvalidInput("the archive holds no conversations table")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3])
    )
    if not versions:
        raise NotReady(f"{name} is needed to read this archive", "install the PostgreSQL client")
    return str(versions[-1])


def _from_script(lines: Iterable[bytes], connection: sqlite3.Connection) -> bool:
    """Take the rows of the wanted tables out of COPY blocks; whether there was a block."""
    found = False
    connection.execute("BEGIN")
    lines = iter(lines)  # a block is taken from where its head was found
    for line in lines:
        match = _COPY.match(line)
        if match:
            found = True
            _copy_block(lines, match[1].decode(), match[2].decode(), connection)
    connection.execute("COMMIT")
    return found


def _copy_block(
    lines: Iterable[bytes], table: str, listed: str, connection: sqlite3.Connection
) -> None:
    there = [name.strip().strip('"') for name in listed.split(",")]
    wanted = _WANTED[table]
    try:
        places = [there.index(name) for name in wanted]
    except ValueError:
        raise InvalidInput(f"{table} of the dump lacks a column that is needed") from None
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(wanted))})"
    for line in lines:
        if line.rstrip(b"\r\n") == b"\\.":
            return
        fields = line.decode("utf-8").rstrip("\n").split("\t")
        if len(fields) != len(there):
            raise InvalidInput(f"a row of {table} in the dump cannot be read")
        values = [_value(name, fields[at]) for name, at in zip(wanted, places, strict=True)]
        connection.execute(insert, values)
    raise InvalidInput("the dump was cut off in the middle of a table")


def _value(name: str, field: str) -> Any:
    """One field in PostgreSQL's COPY text format (documentation of COPY, "Text Format")."""
    if field == "\\N":
        return None
    text = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), field)
    try:
        if name in _BYTES:
            return bytes.fromhex(text.removeprefix("\\x"))
        return float(text) if name == "expires_at" else int(text) if name != "handle" else text
    except ValueError:
        raise InvalidInput(f"a value of {name} in the dump cannot be read") from None
