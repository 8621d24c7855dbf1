"""Where legal holds are written down: sealed, because who is held and why is nobody else's business.

The row shows that there is a hold and its state; the state is bound into what is sealed, so that a
database cannot turn a released hold into an active one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys import EnvelopeError, SealedColumn, associated_data, seal, unseal
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.schema import holds
from gatehouse.tracker.transactions import changing, snapshot

PROPOSED: Final = "proposed"
ACTIVE: Final = "active"
RELEASED: Final = "released"
LAPSED: Final = "lapsed"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on conversations (`handles`) of one person. `undisclosed` is the law that forbids to
    tell the person, empty when they are told. Times are epoch seconds."""

    id: str
    state: str
    person_id: str
    handles: tuple[str, ...]
    reason: str
    undisclosed: str
    proposed_by: str
    proposed_at: float
    approved_by: str = ""
    approved_at: float | None = None
    released_by: str = ""
    released_at: float | None = None

    @property
    def in_force(self) -> bool:
        return self.state in (PROPOSED, ACTIVE)


class HoldBook:
    """The holds of one deployment; `key` (32 bytes) seals them."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key

    def add(self, connection: Connection, hold: Hold) -> None:
        """Write down a new hold."""
        connection.execute(sa.insert(holds).values(**self._row(hold)))

    def change(self, before: Hold, after: Hold) -> None:
        """Write down what became of a hold. Raises `InvalidInput` when somebody else was faster."""
        with changing(self._engine) as connection:
            done = connection.execute(
                sa.update(holds)
                .where(holds.c.id == before.id, holds.c.state == before.state)
                .values(**self._row(after))
            )
        if done.rowcount != 1:
            raise InvalidInput("somebody else changed this hold at the same time", "look again")

    def all(self) -> list[Hold]:
        """Every hold there is or was, oldest first. Raises `TrackerTampered` when one was altered."""
        found, altered = self.readable()
        if altered:
            raise TrackerTampered("hold_altered")
        return found

    def readable(self) -> tuple[list[Hold], list[str]]:
        """The holds that are as they were written, oldest first, and the ids of the altered ones."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(sa.select(holds).order_by(holds.c.id)).fetchall()
        found, altered = [], []
        for row in rows:
            try:
                found.append(self._opened(row))
            except TrackerTampered:
                altered.append(str(row.id))
        return sorted(found, key=lambda hold: hold.proposed_at), altered

    def one(self, hold_id: str) -> Hold:
        """Raises `InvalidInput` when there is none."""
        with snapshot(self._engine) as connection:
            row = connection.execute(sa.select(holds).where(holds.c.id == hold_id)).one_or_none()
        if row is None:
            raise InvalidInput(f"there is no hold {hold_id!r}", "`gatehouse hold list` shows all")
        return self._opened(row)

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (
            SealedColumn(
                holds, "sealed", ("id",), self._key, lambda row: _place(row["id"], row["state"])
            ),
        )

    def _row(self, hold: Hold) -> dict[str, Any]:
        content = json.dumps(asdict(hold)).encode()
        return {
            "id": hold.id,
            "state": hold.state,
            "changed_at": self._clock.now(),
            "sealed": seal(self._key, content, _place(hold.id, hold.state)),
        }

    def _opened(self, row: Any) -> Hold:
        try:
            found = json.loads(unseal(self._key, bytes(row.sealed), _place(row.id, row.state)))
        except EnvelopeError as error:
            raise TrackerTampered("hold_altered") from error
        return Hold(**{**found, "handles": tuple(found["handles"])})


def _place(hold_id: str, state: str) -> bytes:
    return associated_data(kind="legal hold", hold=hold_id, state=state, version=1)
