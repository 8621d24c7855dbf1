"""How many codes may be tried for an account, and how fast.

Two limits, both counted before a code is looked at. *Fast*: after three wrong codes in a row each
further one has to wait, 1 s, 2 s, 4 s … 5 min, and after 50 in a row none is looked at any more
(NIST SP 800-63B-4 section 3.2.2 allows 100). A good code clears this count. *Slow*: in any 366 days
at most `PER_YEAR` wrong codes are looked at, a good code takes back nothing but itself, and a slip
(`gatehouse.stepup.slips`) is not counted. So whoever knows the password and guesses codes for a year
succeeds with a probability of at most

    1 - (1 - w / 10^6) ^ (PER_YEAR / (1 - s))

    w = codes that are good at one moment: 2, or 1 with totp_back 0
    s = share of all codes that are slips: 0.000122

which is 0.00096: less than 1 in 1 000 per account and year, however many sources guess and whatever
the owner does meanwhile. Somebody with several apps has as many good codes at a moment; there a wrong
code counts once for each, so that the bound is the same and fewer are looked at.

Both limits are kept apart for browsers in which the account gave a good code before and for all
others. A stranger can so use up the strangers' share only, and does not lock the owner out.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from gatehouse.clock import Clock
from gatehouse.identity.throttle import Backoff, Standing, Throttle
from gatehouse.stepup import schema
from gatehouse.stepup.slips import SLIPS_PER_CODE

IN_A_ROW = Backoff(free=3, base=1.0, longest=300.0, lock_at=50)
PER_YEAR_STRANGERS = 160
PER_YEAR_KNOWN = 320
PER_YEAR = PER_YEAR_STRANGERS + PER_YEAR_KNOWN
WINDOW_DAYS = 366
_KEEP_DAYS = 3 * WINDOW_DAYS
"""Counts are kept longer than they count, so that a clock that jumps ahead and back loses none."""

_DAY = 86400


def success_probability(guesses: float, good_codes: int = 2) -> float:
    """That one of `guesses` is right when `good_codes` of a million codes are good each time.

    `guesses` are those that were counted; the few that are taken for slips come on top.
    """
    all_guesses = guesses / (1.0 - SLIPS_PER_CODE)
    return float(1.0 - (1.0 - good_codes / 1_000_000) ** all_guesses)


@dataclass(frozen=True, slots=True)
class Counter:
    """Whose codes are counted: those for `account` (an opaque key), given in a `known` browser or
    in any other. A wrong code counts `weight` times for the year: once for each secret that it was
    compared with."""

    account: str
    known: bool
    weight: int = 1

    @property
    def key(self) -> str:
        return f"{self.account}:known" if self.known else self.account

    @property
    def per_year(self) -> int:
        return PER_YEAR_KNOWN if self.known else PER_YEAR_STRANGERS


class CodeThrottle:
    """The counters of all accounts; every method works inside the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fast = Throttle(schema.code_throttle, IN_A_ROW, clock)

    def check(self, connection: Connection, counter: Counter) -> Standing:
        """The standing of `counter`, whose row stays locked until the transaction ends."""
        standing = self._fast.check(connection, counter.key)
        spent = self._wrong_in_window(connection, counter) + counter.weight > counter.per_year
        return Standing(standing.failures, standing.wait, standing.locked or spent)

    def count(self, connection: Connection, counter: Counter, standing: Standing) -> None:
        """Count one code, before it is looked at."""
        self._fast.count(connection, counter.key, standing.failures)
        self._add(connection, counter, counter.weight)

    def count_none(self, connection: Connection, counter: Counter, standing: Standing) -> None:
        """The same work as `count`, for a code that is not looked at, without counting it."""
        self._fast.leave(connection, counter.key)
        self._add(connection, counter, 0)

    def good(self, connection: Connection, counter: Counter) -> None:
        """A counted code was good: forget those in a row, and of the year this one alone."""
        self._fast.clear(connection, counter.key)
        self._add(connection, counter, -counter.weight)

    def settle(self, connection: Connection, counter: Counter, *, slip: bool) -> None:
        """A counted code was wrong: forget it for the year if it was a slip. The work is the same."""
        self._add(connection, counter, -counter.weight if slip else 0)

    def remember(self, connection: Connection, account: str, wrong: int) -> None:
        """Count wrong codes that are known from elsewhere, once for strangers and once for known
        browsers: after a restore, so that it gives nobody tries again. The share of known browsers is
        never used up by this alone."""
        for known in (False, True):
            self._add(connection, Counter(account, known), min(wrong, PER_YEAR_STRANGERS))

    def prune(self, connection: Connection) -> int:
        """Delete counts of days that no clock of good sense counts again; how many rows."""
        table = schema.wrong_codes
        gone = connection.execute(table.delete().where(table.c.day < self._today() - _KEEP_DAYS))
        return int(gone.rowcount)

    def _wrong_in_window(self, connection: Connection, counter: Counter) -> int:
        # Days ahead of the clock count too: it may have been set back.
        table = schema.wrong_codes
        query = sa.select(sa.func.coalesce(sa.func.sum(table.c.wrong), 0)).where(
            table.c.key == counter.key, table.c.day > self._today() - WINDOW_DAYS
        )
        return int(connection.execute(query).scalar_one())

    def _add(self, connection: Connection, counter: Counter, number: int) -> None:
        table = schema.wrong_codes
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        added = dialect.insert(table).values(key=counter.key, day=self._today(), wrong=number)
        connection.execute(
            added.on_conflict_do_update(
                index_elements=["key", "day"], set_={"wrong": table.c.wrong + number}
            )
        )

    def _today(self) -> int:
        return int(self._clock.now() // _DAY)
