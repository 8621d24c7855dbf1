"""What must not come back: taken out of a restored database before anybody can use it.

Conversations that expired or were erased go physically, after it was tried that none of them opens.
Sessions, front ends, waiting requests, webhook ids and unfinished policy approvals go; replay counters move to
now; holds that were released since lapse. Accounts that were changed since the backup are closed, or
all of them when nobody can know. Nothing here may open something up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.approval.schema import edits
from gatehouse.backup.since import Since
from gatehouse.backup.tables import LEFT_OUT
from gatehouse.clock import Clock
from gatehouse.identity.schema import front_ends, people
from gatehouse.keys import KeyRing
from gatehouse.state.schema import states
from gatehouse.state.store import tag_of
from gatehouse.stepup import schema as stepup
from gatehouse.stepup.throttle import CodeThrottle
from gatehouse.tracker.backups import Backup, Row
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.hold_book import LAPSED, HoldBook
from gatehouse.tracker.proof import Prover, Report
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.removal import remove
from gatehouse.tracker.schema import conversations
from gatehouse.tracker.transactions import changing, snapshot
from gatehouse.webhooks.incoming import forget_before

_STEP: Final = 30  # seconds of a TOTP time step
_BATCH: Final = 500


@dataclass(slots=True)
class Scrubbed:
    """What was taken out, by number; `accounts_closed` by user name with the reasons."""

    conversations: int = 0
    records: int = 0
    kept: int = 0
    holds: int = 0
    policy_edits: int = 0
    counters: int = 0
    recovery_codes: int = 0
    front_ends: int = 0
    accounts_closed: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Scrubber:
    """Cleans the restored main database of `engine` with the ring that is in use."""

    def __init__(self, engine: Engine, ring: KeyRing, clock: Clock) -> None:
        self._engine = engine
        self._ring = ring
        self._clock = clock
        self._names = Pseudonyms(ring)

    def known_people(self) -> list[str]:
        """The ids of everybody in the restored database."""
        with snapshot(self._engine) as connection:
            return [str(one) for one in connection.execute(sa.select(people.c.id)).scalars()]

    def run(self, since: Since | None, *, close_all: bool) -> Scrubbed:
        """Take out what must not come back; `since` is None when no log tells.

        Raises `ErasureBroken` when something that is over still opens.
        """
        done = Scrubbed()
        self._ring.drop_expired()
        self._holds(since, done)
        over, alive = self._sorted()
        self._require_closed(over)
        with changing(self._engine) as connection:
            now = self._clock.now()
            for handles in _batches([row.handle for row in over]):
                which = conversations.c.handle.in_(handles)
                gone, turns = remove(connection, which, now)
                done.conversations += gone
                done.records += turns
            done.kept = len(alive)
            self._states(connection, alive)
            for table in LEFT_OUT:
                if sa.inspect(connection).has_table(table):
                    connection.execute(sa.delete(sa.table(table)))
            forget_before(connection, now)
            done.policy_edits = int(connection.execute(sa.delete(edits)).rowcount)
            self._factors(connection, since, done)
            self._front_ends(connection, done)
            self._accounts(connection, since, close_all, done)
        return done

    def prove(self) -> Report:
        """That every conversation that is left opens. Raises `LiveUnreadable`, `ErasureBroken`."""
        prover = Prover(self._engine, self._ring, self._clock)
        report = prover.examine(Backup("the restored database", self._engine))
        report.require()
        return report

    def _sorted(self) -> tuple[list[Row], dict[str, bytes]]:
        """The conversations that are over, and the keys of those that live by handle."""
        over, alive = [], {}
        now = self._clock.now()
        with snapshot(self._engine) as connection:
            c = conversations.c
            closed = set(
                connection.execute(sa.select(c.handle).where(c.closed_at.is_not(None))).scalars()
            )
        for row in Backup("the restored database", self._engine).rows():
            if row.handle in closed:
                continue  # held and over: `_holds` judged it
            key = self._key_of(row)
            if key is None or row.expires_at <= now:
                over.append(row.without_records())
            else:
                alive[row.handle] = key
        return over, alive

    def _key_of(self, row: Row) -> bytes | None:
        try:
            name = self._names.opened_name(row.handle, row.tag_day, row.name)
        except TrackerTampered:
            return None
        entry = self._ring.lookup(name) if name else None
        return entry.key if entry else None

    def _require_closed(self, over: list[Row]) -> None:
        with snapshot(self._engine) as connection:
            c = conversations.c
            held = set(
                connection.execute(sa.select(c.handle).where(c.held_since.is_not(None))).scalars()
            )
        prover = Prover(self._engine, self._ring, self._clock)
        prover.require_closed([row for row in over if row.handle not in held])

    def _holds(self, since: Since | None, done: Scrubbed) -> None:
        """Holds whose keys the ring does not hold any more, or that the log saw end, lapse."""
        book = HoldBook(self._engine, self._clock, self._ring.service_key("legal-holds"))
        ended = since.holds if since else frozenset()
        kept: set[str] = set()
        for hold in book.all():
            if not hold.in_force:
                continue
            mine = {handle for handle in hold.handles if self._ring.held(handle)}
            if mine and hold.id not in ended:
                kept |= mine
                continue
            book.change(hold, replace(hold, state=LAPSED, released_at=self._clock.now()))
            done.holds += 1
        with changing(self._engine) as connection:
            c = conversations.c
            marked = connection.execute(sa.select(c.handle).where(c.held_since.is_not(None)))
            free = [handle for handle in marked.scalars().all() if handle not in kept]
            for handles in _batches(free):
                mine_now = c.handle.in_(handles)
                connection.execute(sa.update(conversations).where(mine_now).values(held_since=None))
                closed = sa.and_(mine_now, c.closed_at.is_not(None))
                gone, turns = remove(connection, closed, self._clock.now())
                done.conversations += gone
                done.records += turns

    def _states(self, connection: Connection, alive: Mapping[str, bytes]) -> None:
        living = {tag_of(key) for key in alive.values()}
        found = connection.execute(sa.select(states.c.tag)).scalars().all()
        for tags in _batches([tag for tag in found if tag not in living]):
            connection.execute(sa.delete(states).where(states.c.tag.in_(tags)))

    def _factors(self, connection: Connection, since: Since | None, done: Scrubbed) -> None:
        """No code of before the restore is good again: time steps move to now, codes that may have
        been used go."""
        step, c = int(self._clock.now() // _STEP), stepup.authenticators.c
        old = sa.and_(c.kind == "totp", c.last_step < step)
        moved = sa.update(stepup.authenticators).where(old).values(last_step=step)
        done.counters = int(connection.execute(moved).rowcount)
        connection.execute(sa.delete(stepup.authenticators).where(c.confirmed_at.is_(None)))
        throttle = CodeThrottle(self._clock)
        for person, number in (since.wrong_codes if since else {}).items():
            account = sa.select(stepup.accounts.c.account)
            mine = account.where(stepup.accounts.c.person_id == person)
            for name in connection.execute(mine).scalars().all():
                throttle.remember(connection, name, number)
        codes = stepup.recovery_codes
        gone = sa.delete(codes)
        if since is not None and not since.gap:
            gone = gone.where(codes.c.person_id.in_(since.recovery_used))
        done.recovery_codes = int(connection.execute(gone).rowcount)

    def _front_ends(self, connection: Connection, done: Scrubbed) -> None:
        """Front ends of people are revoked like sessions: one that was revoked since may be here."""
        living = front_ends.c.revoked_at.is_(None)
        ended = sa.update(front_ends).where(living).values(revoked_at=self._clock.now())
        done.front_ends = int(connection.execute(ended).rowcount)

    def _accounts(
        self, connection: Connection, since: Since | None, close_all: bool, done: Scrubbed
    ) -> None:
        reasons: dict[str, tuple[str, ...]] = dict(since.accounts) if since else {}
        c = people.c
        rows = connection.execute(sa.select(c.id, c.username, c.disabled)).fetchall()
        for row in rows:
            if row.disabled or not (close_all or row.id in reasons):
                continue
            done.accounts_closed[row.username] = reasons.get(row.id, ())
            connection.execute(sa.update(people).where(c.id == row.id).values(disabled=True))


def _batches(values: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
