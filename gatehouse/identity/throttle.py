"""Back-off that doubles with every failure, in a table, so that a restart forgives nothing.

An attempt is counted before it is verified: whoever kills the process in between has still used it
up. Refused attempts are not counted, so hammering a blocked name does not prolong the wait. Keys
are opaque to this module and must never be a name, an address or anything else in the clear.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.clock import Clock
from gatehouse.identity.transactions import insert_or_lock


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after how many failures; times in seconds.

    The first `free` failures cost nothing, the next `base`, then twice that, up to `longest`. At
    `lock_at` failures every further attempt is refused until somebody clears the counter (NIST SP
    800-63B-4 section 3.2.2 allows 100 at most). `forget_after` without an attempt clears it.
    """

    free: int
    base: float
    longest: float
    lock_at: int | None = None
    forget_after: float | None = None

    def delay(self, failures: int) -> float:
        """Seconds to wait after the failure number `failures`."""
        if failures <= self.free:
            return 0.0
        # The exponent is capped first: 2.0 ** 2000 would raise instead of being long.
        return float(min(self.base * 2.0 ** min(failures - self.free - 1, 64), self.longest))


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an attempt may go on, and if not, for how many seconds (`locked`: not by waiting)."""

    failures: int
    wait: float
    locked: bool

    @property
    def open(self) -> bool:
        return not self.locked and self.wait <= 0


class Throttle:
    """One family of counters in `table`; every method works inside the caller's transaction."""

    def __init__(self, table: sa.Table, backoff: Backoff, clock: Clock) -> None:
        self._table = table
        self._backoff = backoff
        self._clock = clock

    def check(self, connection: Connection, key: str) -> Standing:
        """The standing of `key`; its row stays locked until the transaction ends.

        The lock makes "check, then count" one step: of many attempts at once, each sees the count
        of those before it.
        """
        table, now = self._table, self._clock.now()
        fresh = {"key": key, "failures": 0, "blocked_until": 0.0, "last_at": now}
        insert_or_lock(connection, table, "key", fresh)
        row = connection.execute(sa.select(table).where(table.c.key == key)).one()
        forget = self._backoff.forget_after
        if forget is not None and now - row.last_at > forget:
            self._write(connection, key, 0, 0.0)
            return Standing(0, 0.0, False)
        limit = self._backoff.lock_at
        locked = limit is not None and row.failures >= limit
        return Standing(row.failures, self._wait(connection, row, now), locked)

    def count(self, connection: Connection, key: str, failures: int) -> None:
        """Count one attempt of `key`, which has `failures` so far; call before verifying."""
        until = self._clock.now() + self._backoff.delay(failures + 1)
        self._write(connection, key, failures + 1, until)

    def leave(self, connection: Connection, key: str) -> None:
        """The work of `count` without its effect, where an answer must not be told by its time."""
        table = self._table
        unchanged = {"failures": table.c.failures, "blocked_until": table.c.blocked_until}
        connection.execute(table.update().where(table.c.key == key).values(**unchanged))

    def admit(self, connection: Connection, key: str) -> Standing:
        """`check`, and `count` when the standing is open."""
        standing = self.check(connection, key)
        if standing.open:
            self.count(connection, key, standing.failures)
        return standing

    def clear(self, connection: Connection, key: str) -> None:
        """Forget every failure of `key`, after a success."""
        self._write(connection, key, 0, 0.0)

    def relent(self, connection: Connection, key: str) -> None:
        """Take back one counted attempt of `key` that turned out well, and only that one."""
        table = self._table
        connection.execute(
            table.update()
            .where(table.c.key == key, table.c.failures > 0)
            .values(failures=table.c.failures - 1)
        )

    def prune(self, connection: Connection, before: float, keep: Collection[str]) -> int:
        """Delete rows last used before `before` except those of `keep`; returns how many."""
        table = self._table
        idle = table.c.last_at < before
        keys = connection.execute(sa.select(table.c.key).where(idle)).scalars().all()
        doomed = [key for key in keys if key not in keep]
        for start in range(0, len(doomed), 500):
            chosen = table.c.key.in_(doomed[start : start + 500])
            connection.execute(table.delete().where(chosen, idle))
        return len(doomed)

    def _wait(self, connection: Connection, row: sa.engine.Row, now: float) -> float:
        wait = float(row.blocked_until - now)
        longest = self._backoff.delay(row.failures)
        if wait > longest:
            # The clock went back. Start the wait anew instead of blocking for as long as it jumped.
            wait = longest
            self._write(connection, row.key, row.failures, now + longest)
        return max(wait, 0.0)

    def _write(self, connection: Connection, key: str, failures: int, until: float) -> None:
        table = self._table
        connection.execute(
            table.update()
            .where(table.c.key == key)
            .values(failures=failures, blocked_until=until, last_at=self._clock.now())
        )
