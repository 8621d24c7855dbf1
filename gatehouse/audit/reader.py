"""Reads the audit log: entries in order or one by one, their tree nodes, and the checkpoints.

Reads take no lock, so a verification of years never holds up a writer. What is read is only what the
database says; `gatehouse.audit.verify` finds out whether it is what was written.
"""

from __future__ import annotations

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


class LogReader:
    """The reading half of the log in `engine`. Every method may raise `AuditUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        return self._engine

    def size(self) -> int:
        """How many entries there are."""
        return int(self._rows("SELECT max(sequence) FROM gh_audit")[0][0] or 0)

    def entries(self, after: int = 0, batch: int = 1000) -> Iterator[Entry]:
        """All entries after sequence number `after`, in order, read in batches."""
        for rows in self.rows(after, batch):
            yield from (Entry(*row) for row in rows)

    def rows(self, after: int = 0, batch: int = 1000) -> Iterator[list[Row]]:
        """As `entries`, in lists of plain rows: what a long verification has time for."""
        while True:
            rows = self._rows(
                "SELECT sequence, body, chain, node FROM gh_audit "
                f"WHERE sequence > {int(after)} ORDER BY sequence LIMIT {int(batch)}"
            )
            if not rows:
                return
            if not isinstance(rows[0][2], bytes):  # PostgreSQL's driver gives memoryviews
                rows = [
                    (number, body, bytes(chain), bytes(node)) for number, body, chain, node in rows
                ]
            yield rows
            after = int(rows[-1][0])

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
        after = 0
        while rows := self._rows(
            "SELECT number, note FROM gh_audit_checkpoints "
            f"WHERE number > {int(after)} ORDER BY number LIMIT 1000"
        ):
            yield from (note for _, note in rows)
            after = rows[-1][0]

    def last_checkpoint(self) -> str | None:
        """The note of the checkpoint that was kept last."""
        rows = self._rows("SELECT note FROM gh_audit_checkpoints ORDER BY number DESC LIMIT 1")
        return str(rows[0][0]) if rows else None

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
