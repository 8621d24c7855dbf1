"""Sealing stored columns anew under the present suite, while others read and write them.

Each row is its own small change that takes effect only if the column still holds what was read, so
nothing waits and nothing written meanwhile is lost. What is current already is not touched, so a
run that was cut off is finished by the next. A row that does not open is left as it is and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from gatehouse.errors import Unavailable
from gatehouse.keys.envelope import seal, unseal, written_suite
from gatehouse.keys.errors import EnvelopeError

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column sealed under one key; `bound` gives the associated data of a row.

    `identity` are the columns that name a row, its primary key. `bound` must not depend on
    columns that change while the sealed one stays.
    """

    table: sa.Table
    column: str
    identity: tuple[str, ...]
    key: bytes
    bound: Callable[[RowMapping], bytes]


def is_outdated(column: Any) -> Any:
    """The SQL condition that an envelope is of another suite than the present one; not for NULL."""
    header = sa.func.substr(column, 1, 2, type_=sa.LargeBinary)
    return sa.and_(sa.func.length(column) > 0, header != written_suite().header)


def outstanding(engine: Engine, sealed: SealedColumn) -> int:
    """How many rows are still of another suite."""
    query = sa.select(sa.func.count()).where(is_outdated(sealed.table.c[sealed.column]))
    with _translated(), engine.connect() as connection:
        return int(connection.execute(query.select_from(sealed.table)).scalar_one())


def reseal_column(engine: Engine, sealed: SealedColumn) -> Iterator[bool]:
    """Seal row after row anew; True for each that was, False for one that does not open."""
    table, column = sealed.table, sealed.table.c[sealed.column]
    names = [table.c[name] for name in sealed.identity]
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(table).where(is_outdated(column)).order_by(*names).limit(_BATCH)
        if after is not None:
            query = query.where(sa.tuple_(*names) > after)
        with _translated(), engine.begin() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            yield _reseal_row(engine, sealed, row)
        if len(rows) < _BATCH:
            return
        after = tuple(rows[-1][name] for name in sealed.identity)


def _reseal_row(engine: Engine, sealed: SealedColumn, row: RowMapping) -> bool:
    before, bound = bytes(row[sealed.column]), sealed.bound(row)
    try:
        after = seal(sealed.key, unseal(sealed.key, before, bound), bound)
    except EnvelopeError:
        return False
    table = sealed.table
    same = [table.c[name] == row[name] for name in sealed.identity]
    with _translated(), engine.begin() as connection:
        connection.execute(
            table.update()
            .where(*same, table.c[sealed.column] == before)
            .values({sealed.column: after})
        )
    return True


@contextmanager
def _translated() -> Iterator[None]:
    """Database errors as one of ours, without their text, which may quote a statement."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable(
            f"the database cannot be reached ({type(error).__name__})",
            "what was done stays done; run it again",
        ) from error
