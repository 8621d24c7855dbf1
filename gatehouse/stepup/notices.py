"""What a person is told about the own second factors, whoever changed them.

The best alarm against somebody who got in is the person who belongs there (NIST SP 800-63B-4 section
4.6). A notice waits, sealed, until the person dismisses it in the chat page; where a mailbox is known it
goes there as well. It names what changed and when, never a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.identity.transactions import transaction
from gatehouse.keys.columns import SealedColumn
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.stepup.schema import notices as table

KEEP_SECONDS: Final = 90 * 86_400
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice; `at` in seconds since the epoch."""

    id: str
    at: float
    text: str = field(repr=False)


class Notices:
    """The notices of a deployment; `key` is 32 bytes. `also` hears of each (person, text), to send it."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: bytes,
        also: Callable[[str, str], None] = lambda person_id, text: None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._also = also

    def close(self) -> None:
        """Send what waits to be sent."""
        close = getattr(self._also, "close", None)
        if close is not None:
            close()

    def tell(self, person_id: str, text: str) -> None:
        """Leave a notice for the person; beyond the last twenty the oldest goes."""
        identity, now = secrets.token_hex(16), self._clock.now()
        sealed = seal(self._key, text.encode(), _bound(identity, person_id))
        mine = sa.select(table.c.id).where(table.c.person_id == person_id)
        with transaction(self._engine) as connection:
            connection.execute(
                table.insert().values(id=identity, person_id=person_id, at=now, sealed=sealed)
            )
            kept = mine.order_by(table.c.at.desc(), table.c.id).limit(MOST)
            names = connection.execute(kept).scalars().all()
            connection.execute(
                table.delete().where(table.c.person_id == person_id, table.c.id.not_in(names))
            )
        self._also(person_id, text)

    def of(self, person_id: str) -> tuple[Notice, ...]:
        """What the person has not dismissed, oldest first."""
        query = sa.select(table).where(table.c.person_id == person_id).order_by(table.c.at)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(Notice(row["id"], row["at"], self._text(row)) for row in rows)

    def dismiss(self, person_id: str, identity: str) -> bool:
        """Forget one; false when the person has no such notice."""
        mine = (table.c.person_id == person_id, table.c.id == identity)
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(*mine)).rowcount) == 1

    def forget(self, person_id: str) -> int:
        """Forget all of a person; how many."""
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(table.c.person_id == person_id))
        return int(gone.rowcount)

    def prune(self) -> int:
        """Forget what is older than ninety days; how many."""
        with transaction(self._engine) as connection:
            old = table.delete().where(table.c.at < self._clock.now() - KEEP_SECONDS)
            return int(connection.execute(old).rowcount)

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (
            SealedColumn(
                table, "sealed", ("id",), self._key, lambda row: _bound(row["id"], row["person_id"])
            ),
        )

    def _text(self, row: Any) -> str:
        bound = _bound(row["id"], row["person_id"])
        return unseal(self._key, bytes(row["sealed"]), bound).decode()


def _bound(identity: str, person_id: str) -> bytes:
    return associated_data(record="factor notice", id=identity, person=person_id)
