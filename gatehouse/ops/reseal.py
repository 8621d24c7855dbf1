"""Brings everything sealed to the present suite while the assistant serves, and says how far it is.

Order: the ring first, then conversations, then the columns of each service. Every part is safe to
cut off and run again. Nothing here may stop at one bad record: it is counted, the others go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from gatehouse.keys import SealedColumn
from gatehouse.keys.columns import outstanding, reseal_column
from gatehouse.keys.envelope import written_suite
from gatehouse.runtime import Runtime
from gatehouse.tracker.reseal import Resealing


@dataclass
class Resealer:
    """One run over `runtime`; iterate over `steps` and look at `refused` afterwards."""

    runtime: Runtime
    refused: int = field(default=0, init=False)
    """Conversations and rows that are not what was written; they were left as they are."""

    @property
    def suite(self) -> str:
        """The suite that everything is brought to."""
        return written_suite().name

    def outstanding(self) -> dict[str, int]:
        """What is still of another suite: nodes of the ring, conversations, rows of each table."""
        engine = self.runtime.engine
        columns = {column.table.name: outstanding(engine, column) for column in self._columns()}
        return {
            "ring": self.runtime.ring.outdated(),
            "conversations": self._conversations().outstanding(),
            **columns,
        }

    def steps(self) -> Iterator[int]:
        """Does the work; yields how many of the outstanding things each step brought up."""
        ring = self.runtime.ring.outdated()
        if ring:
            self.runtime.ring.reseal()
            yield ring
        for good in self._conversations().run():
            yield self._counted(good)
        for column in self._columns():
            for good in reseal_column(self.runtime.engine, column):
                yield self._counted(good)

    def _counted(self, good: bool) -> int:
        self.refused += not good
        return 1

    def _conversations(self) -> Resealing:
        def beside(connection: Connection, key: bytes) -> None:
            self.runtime.state.rekey(connection, key, key)

        return Resealing(self.runtime.engine, self.runtime.ring, self.runtime.clock, beside)

    def _columns(self) -> list[SealedColumn]:
        return [*self.runtime.factors.sealed_columns(), *self.runtime.holds.sealed_columns()]
