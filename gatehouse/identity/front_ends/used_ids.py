"""Ids that may be used once: who writes the row first has it, whichever process that is.

Rows are kept until what they stand for is stale by its own time, and longer for a clock that is set back.
Only keyed hashes are stored.
"""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.identity.schema import used_ids as table
from gatehouse.identity.transactions import transaction


class UsedIds:
    """The used ids of one deployment; `key` is 32 bytes."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key

    def use(self, kind: str, owner: str, identity: str, until: float) -> bool:
        """Whether `identity` of `owner` is used for the first time; it is remembered until `until`."""
        material = f"gatehouse used id\n{kind}\n{owner}\n{identity}".encode()
        row = {
            "id": hmac.new(self._key, material, hashlib.sha256).hexdigest(),
            "until": until,
        }
        try:
            with transaction(self._engine) as connection:
                connection.execute(table.insert().values(**row))
        except sa.exc.IntegrityError:
            return False
        return True

    def prune(self) -> int:
        """Forget what is stale; returns how many."""
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(table.c.until < self._clock.now()))
        return int(gone.rowcount)
