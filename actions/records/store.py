"""Transactions on the records: reading that cannot write, and changes that happen once or not.

Every method of the system of record runs in one of the two contexts below. No error of the
database or its driver may leave them: a caller sees only errors that are meant for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from actions.records import checks
from actions.records.interface import Conflict, RecordNotFound
from actions.records.schema import employee, request_key
from gatehouse.errors import Unavailable

_CENT = Decimal("0.01")


def euros(cents: int) -> Decimal:
    """An amount in cents as euro with two places."""
    return (Decimal(cents) / 100).quantize(_CENT)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction in which the database itself refuses every write.

    Raises `Unavailable` when the database does not answer.
    """
    with _own_errors_only(), engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        else:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        try:
            yield connection
        finally:
            if sqlite:  # the setting would stay with the pooled connection
                connection.exec_driver_sql("PRAGMA query_only = OFF")


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed as a whole when the block ends and undone when it raises.

    Raises `Conflict` when another change came first and `Unavailable` when the database does not
    answer or cannot store the change.
    """
    with _own_errors_only(), engine.begin() as connection:
        yield connection


@contextmanager
def _own_errors_only() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict("This was changed at the same moment. Please look again.") from error
    except SQLAlchemyError as error:
        raise Unavailable("the system of record does not answer") from error


def person(connection: Connection, employee_id: str, *, lock: bool = False) -> Any:
    """The row of a person; with `lock` nobody else changes this person's records meanwhile.

    Raises `RecordNotFound`.
    """
    query = sa.select(employee).where(employee.c.employee_id == checks.employee_id(employee_id))
    if lock:
        query = query.with_for_update(key_share=True)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise RecordNotFound("There is no such person in the records.")
    return row


class Store:
    """What the parts of the system of record share: the engine and the way to change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _change(
        self,
        change: str,
        employee_id: str,
        key: str,
        values: Mapping[str, str],
        now: datetime,
        make: Callable[[Connection, Any], int],
        tell: Callable[[Connection, int], Any],
    ) -> Any:
        """Make a change once per `key` and tell the record that came of it.

        `make` gets the locked row of the person and returns the id of the record it wrote. Changes
        of one person run one after another, so what `make` checks still holds when it is written.
        """
        checks.request_key(key)
        mark = _fingerprint(values)
        with changing(self._engine) as connection:
            row = person(connection, employee_id, lock=True)
            earlier = connection.execute(
                sa.select(request_key).where(request_key.c.request_key == key)
            ).one_or_none()
            if earlier is None:
                record_id = make(connection, row)
                _remember(connection, key, employee_id, change, mark, record_id, now)
            elif (earlier.employee_id, earlier.change, earlier.fingerprint) == (
                employee_id,
                change,
                mark,
            ):
                record_id = int(earlier.record_id)
            else:
                raise Conflict(
                    "This request was used for something else before. Please start it again."
                )
            return tell(connection, record_id)


def inserted(connection: Connection, table: sa.Table, **values: Any) -> int:
    """Insert one row and return its id."""
    return int(connection.execute(table.insert().values(**values)).inserted_primary_key[0])


def in_effect(table: sa.Table, column: str, employee_id: str, on: date) -> Any:
    """The query for the person's newest row of `table` whose `column` is not after `on`."""
    return (
        sa.select(table)
        .where(table.c.employee_id == employee_id, table.c[column] <= on)
        .order_by(table.c[column].desc(), table.c.id.desc())
        .limit(1)
    )


def _fingerprint(values: Mapping[str, str]) -> str:
    """A digest of the values of a change, so that no value is kept a second time."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _remember(
    connection: Connection,
    key: str,
    employee_id: str,
    change: str,
    mark: str,
    record_id: int,
    now: datetime,
) -> None:
    connection.execute(
        request_key.insert().values(
            request_key=key,
            employee_id=employee_id,
            change=change,
            fingerprint=mark,
            record_id=record_id,
            used_at=int(now.timestamp()),
        )
    )
