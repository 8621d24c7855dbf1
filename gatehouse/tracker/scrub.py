"""Takes the remains of deleted rows off the disk, as far as a database lets itself be told.

SQLite overwrites deleted rows (`secure_delete`, set when it is opened) but keeps them in its
write-ahead log until that is truncated. PostgreSQL keeps them in its tables until a VACUUM, partly
beyond it, and in its own log for as long as that is archived. So this is housekeeping: what counts
is that the keys are gone. A database that does not let itself be cleaned now is asked again later.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.tracker.schema import conversations, records
from gatehouse.tracker.transactions import translated

VACUUM_EVERY: Final = 600.0  # seconds; PostgreSQL reads both tables for it

_PATIENCE: Final = 250  # milliseconds that SQLite waits for readers


class Scrubber:
    """Cleans up in `engine` after rows were deleted; used from one thread at a time or several."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._due = True  # what an earlier process left behind
        self._vacuumed_at = float("-inf")

    def after(self, deleted: int) -> bool:
        """Clean up if rows were `deleted`, now or since the last time; whether nothing is left to do."""
        self._due = self._due or deleted > 0
        if not self._due:
            return True
        if self._engine.dialect.name == "sqlite":
            self._due = not self._truncate_log()
        elif self._clock.now() - self._vacuumed_at >= VACUUM_EVERY:
            self._vacuumed_at = self._clock.now()
            self._vacuum()
            self._due = False
        return not self._due

    def _truncate_log(self) -> bool:
        """False while a reader still needs the write-ahead log."""
        with translated():
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                (usual,) = cursor.execute("PRAGMA busy_timeout").fetchone()
                cursor.execute(f"PRAGMA busy_timeout={_PATIENCE}")  # a person may be waiting
                rows = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                cursor.execute(f"PRAGMA busy_timeout={usual}")
            finally:
                connection.close()
        return bool(rows[0][0] == 0)

    def _vacuum(self) -> None:
        with translated(), self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in (records, conversations):
                connection.exec_driver_sql(f"VACUUM {table.name}")
