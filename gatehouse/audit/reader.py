"""Reads the audit log: entries in order or one by one, their tree nodes, and the checkpoints.

Reads take no lock, so a verification of years never holds up a writer. What is read is only what the
database says; `gatehouse.audit.verify` finds out whether it is what was written.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from gatehouse.audit.errors import AuditTampered, AuditUnavailable
from gatehouse.audit.tree import leaf_hash

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: position (from 1), canonical body, chain value and tree node (32 bytes each)."""

    sequence: int
    body: str
    chain: bytes
    node: bytes

    def facts(self) -> dict[str, Any]:
        """What it says, time and kind at least. Raises `AuditTampered` when no entry reads so."""
        try:
            found = json.loads(self.body)
            if isinstance(found["at"], str) and isinstance(found["kind"], str):
                return dict(found)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise AuditTampered(self.sequence, "cannot be read")


class LogReader:
    """The reading half of the log in `engine`. Every method may raise `AuditUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        return self._engine

    def size(self) -> int:
        """How many entries there are."""
        newest = self._rows("SELECT max(sequence) FROM gh_audit")[0][0] or 0
        if not isinstance(newest, int):
            raise AuditTampered(1, "or a later one has something else for its number")
        return newest

    def entries(self, after: int = 0, batch: int = 1000) -> Iterator[Entry]:
        """All entries after sequence number `after`, in order, read in batches."""
        for rows in self.rows(after, batch):
            for sequence, data, chain, node in rows:
                yield _entry(sequence, data, chain, node)

    def rows(self, after: int = 0, batch: int = 1000) -> Iterator[list[Row]]:
        """As `entries`, in lists of plain rows: what a long verification has time for.

        Bodies are bytes. SQLite lets its owner put anything into any column, so a row may hold
        anything; whoever reads rows has to reckon with it.
        """
        body = self._as_bytes("body")
        beyond = (
            f"WHERE sequence > {int(after)} " if after else ""
        )  # also what lies before the first
        while True:
            rows = self._rows(
                f"SELECT sequence, {body}, chain, node FROM gh_audit {beyond}"
                f"ORDER BY sequence LIMIT {int(batch)}"
            )
            if not rows:
                return
            if self._is_postgresql:  # its driver gives text and memoryviews
                rows = [
                    (number, text.encode(), bytes(chain), bytes(node))
                    for number, text, chain, node in rows
                ]
            yield rows
            if not isinstance(rows[-1][0], int):
                raise AuditTampered(after + 1, "is followed by a row without a number")
            after = rows[-1][0]
            beyond = f"WHERE sequence > {after} "

    def entry(self, sequence: int) -> Entry:
        """One entry by its position. Raises `AuditTampered` when it is missing."""
        found = next((e for e in self.entries(sequence - 1, 1) if e.sequence == sequence), None)
        if found is None:
            raise AuditTampered(sequence, "is missing")
        return found

    def node(self, sequence: int) -> bytes:
        """The stored tree node of an entry. Raises `AuditTampered` when there is none."""
        return self.entry(sequence).node

    def leaf(self, sequence: int) -> bytes:
        """The leaf hash of an entry. Raises `AuditTampered` when there is none."""
        return leaf_hash(self.entry(sequence).body.encode())

    def checkpoints(self) -> Iterator[str]:
        """The notes of all checkpoints, oldest first."""
        beyond = ""
        note = self._as_bytes("note")
        while rows := self._rows(
            f"SELECT number, {note} FROM gh_audit_checkpoints {beyond}ORDER BY number LIMIT 1000"
        ):
            yield from (_text(note) for _, note in rows)
            if not isinstance(rows[-1][0], int):
                raise AuditTampered(
                    1, "or a later one: a checkpoint has something else for its number"
                )
            beyond = f"WHERE number > {rows[-1][0]} "

    def last_checkpoint(self) -> str | None:
        """The note of the checkpoint that was kept last."""
        note = self._as_bytes("note")
        rows = self._rows(f"SELECT {note} FROM gh_audit_checkpoints ORDER BY number DESC LIMIT 1")
        return _text(rows[0][0]) if rows else None

    @property
    def _is_postgresql(self) -> bool:
        return bool(self._engine.dialect.name == "postgresql")

    def _as_bytes(self, column: str) -> str:
        """SQLite's text need not be UTF-8, and its driver would not even give it out."""
        return column if self._is_postgresql else f"CAST({column} AS BLOB)"

    def _rows(self, statement: str) -> list[Row]:
        """The rows of a reading statement, without the write lock that a transaction would take."""
        try:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute(statement)
                return list(cursor.fetchall())
            finally:
                connection.close()
        except (SQLAlchemyError, self._engine.dialect.dbapi.Error) as error:
            raise AuditUnavailable("the audit log cannot be read") from error


def _entry(sequence: int, data: object, chain: object, node: object) -> Entry:
    """A row as an entry; raises `AuditTampered` when its columns hold something else."""
    if isinstance(data, bytes) and isinstance(chain, bytes) and isinstance(node, bytes):
        with contextlib.suppress(UnicodeError):
            return Entry(sequence, data.decode(), chain, node)
    raise AuditTampered(sequence, "cannot be read")


def _text(note: object) -> str:
    return note.decode(errors="replace") if isinstance(note, bytes) else str(note)
