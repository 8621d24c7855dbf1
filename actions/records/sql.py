"""The demo system of record on a database, put together from its parts.

It is what `open_records` gives out. It keeps no state but the engine, so any number of threads and
processes may use the same database.
"""

from __future__ import annotations

from actions.records.accounts import Accounts
from actions.records.benefits import Benefits
from actions.records.leave import Leave
from actions.records.pay import Pay
from actions.records.people import People


class SqlRecords(People, Pay, Accounts, Leave, Benefits):
    """`SystemOfRecord` on SQLite or PostgreSQL; takes an engine of `gatehouse.db.open_engine`."""
