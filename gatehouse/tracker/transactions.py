"""Transactions on the database of the conversations, with its errors as this package's.

The text of a database error is left out: it may quote a statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.db import READS_ONLY
from gatehouse.tracker.errors import TrackerConflict, TrackerUnavailable


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with translated(), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction whose statements all see one state."""
    with translated(), engine.connect() as connection:
        connection = connection.execution_options(**{READS_ONLY: True})
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Database errors as this package's; their text is left out, it may quote a statement."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise TrackerConflict("the conversation was written by someone else") from error
    except sa.exc.SQLAlchemyError as error:
        raise TrackerUnavailable(
            f"the conversations cannot be reached ({type(error).__name__})",
            "check the database of [database] in gatehouse.toml",
        ) from error
