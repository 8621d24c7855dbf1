"""What may count only once: states of finished sign-ins and ids of logout tokens.

In the database, so that a second process or a restart does not take one again. Only keyed hashes are
stored, until the thing itself is too old to count.
"""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.identity.schema import provider_seen as table
from gatehouse.identity.transactions import transaction


def keyed(key: bytes, *parts: str) -> str:
    """A keyed hash of `parts`, different for any others: 64 hexadecimal digits."""
    digest = hmac.new(key, b"gatehouse provider v1", hashlib.sha256)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.hexdigest()


class Seen:
    """The list of one deployment; `key` is 32 bytes."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key

    def first(self, kind: str, value: str, until: float) -> bool:
        """Whether `value` is seen for the first time; remembered until `until`, epoch seconds."""
        row = {"key": keyed(self._key, "seen", kind, value), "until": until}
        try:
            with transaction(self._engine) as connection:
                connection.execute(table.insert().values(**row))
        except sa.exc.IntegrityError:
            return False
        return True

    def known(self, kind: str, value: str) -> bool:
        """Whether `value` was seen before."""
        query = sa.select(table.c.key).where(table.c.key == keyed(self._key, "seen", kind, value))
        with transaction(self._engine) as connection:
            return connection.execute(query).first() is not None

    def prune(self) -> int:
        """Forget what is too old to count; returns how many."""
        old = table.c.until < self._clock.now()
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(old)).rowcount)
