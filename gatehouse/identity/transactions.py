"""Transactions that end in an error of Gatehouse, never in one of the database driver.

A database that does not answer must refuse the request in words that can be shown, and no statement
of it may reach a log. A violated unique constraint is passed on, because the caller decides on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from gatehouse.errors import Unavailable


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction on `engine`, committed at the end, rolled back on any error.

    Raises `Unavailable` when the database fails; `sqlalchemy.exc.IntegrityError` passes through.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.IntegrityError:
        raise
    except sa.exc.SQLAlchemyError as error:
        raise Unavailable(
            "the database does not answer; the request was refused",
            "check that the database of [database] in gatehouse.toml is running and writable",
        ) from error


def insert_or_lock(
    connection: Connection, table: sa.Table, key: str, values: Mapping[str, Any]
) -> None:
    """Insert a row, or lock the one that already has this value in the column `key`.

    Either way the row exists and is this transaction's until its end, on both databases.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(table)
        .values(**values)
        .on_conflict_do_update(index_elements=[key], set_={key: values[key]})
    )
