"""The demo system of record: the organisation's people, pay, leave, benefits and cases.

Actions use `open_records` and the protocol in `interface`, nothing else. To connect another HR
system, implement `SystemOfRecord` and return it here. Nothing in this package decides who may ask.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy.exc import SQLAlchemyError

from actions.records.interface import SystemOfRecord
from actions.records.schema import metadata
from actions.records.sql import SqlRecords
from gatehouse.db import open_engine
from gatehouse.errors import Unavailable
from gatehouse.settings import Settings

__all__ = ["SystemOfRecord", "open_records"]


def open_records(settings: Settings) -> SystemOfRecord:
    """The system of record of this deployment, opened once per process and database.

    Creates missing tables and no people. Raises `InvalidInput` for an unknown kind of database and
    `Unavailable` when it does not answer.
    """
    return _open(settings.database_url(settings.records))


@lru_cache(maxsize=8)
def _open(url: str) -> SystemOfRecord:
    try:
        engine = open_engine(url)
        metadata.create_all(engine)
    except (SQLAlchemyError, OSError) as error:
        # Not chained: the text of some of these errors holds the URL with its password.
        raise Unavailable(
            f"the system of record cannot be opened ({type(error).__name__})", "check records.url"
        ) from None
    return SqlRecords(engine)
