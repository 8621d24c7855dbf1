"""Takes dead conversations out of the tables; their keys must have gone before.

What a legal hold keeps is not deleted but closed: its row loses every tag and name by which anybody
but its holders could find it, and no turn can be added. Every deletion of a conversation goes
through here, so that none can forget a hold.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.tracker.end_requests import NONE
from gatehouse.tracker.schema import conversations, records, snapshots


def remove(connection: Connection, which: Any, now: float) -> tuple[int, int]:
    """Delete the conversations that `which` (a condition) selects, close those that are held; how
    many conversations and records were deleted."""
    c = conversations.c
    held = sa.select(c.handle).where(which, c.held_since.is_not(None), c.closed_at.is_(None))
    for handle in connection.execute(held).scalars().all():
        connection.execute(
            sa.update(conversations)
            .where(c.handle == handle)
            .values(
                closed_at=now,
                tag=secrets.token_bytes(32),
                person_tag=None,
                name=b"",
                **NONE,
            )
        )
    free = sa.and_(which, c.held_since.is_(None))
    handles = sa.select(c.handle).where(free)
    connection.execute(sa.delete(snapshots).where(snapshots.c.handle.in_(handles)))
    turns = connection.execute(sa.delete(records).where(records.c.handle.in_(handles)))
    gone = connection.execute(sa.delete(conversations).where(free))
    return int(gone.rowcount), int(turns.rowcount)
