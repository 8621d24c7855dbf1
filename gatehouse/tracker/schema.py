"""The tables of the conversations.

Columns hold keyed pseudonyms, times and sealed bytes, never text, a slot, an intent, an action or
an id that means anything elsewhere. The tags are keyed by the bucket of the conversation's expiry
day and cannot be confirmed once that bucket is gone.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

VERSION: Final = 1

metadata = sa.MetaData()

conversations = sa.Table(
    "gh_conversations",
    metadata,
    sa.Column("handle", sa.String(32), primary_key=True),  # random, made for this table
    sa.Column("tag", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("tag_day", sa.Integer, nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),  # sealed: its name in the key ring
    sa.Column("person_tag", sa.LargeBinary(32), nullable=True, index=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("last_message_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False, index=True),
    sa.Column("end_requested_at", sa.Float, nullable=True, index=True),
    sa.Column("end_reason", sa.String(16), nullable=True),
    sa.Column("end_proof", sa.LargeBinary(32), nullable=True),  # that somebody asked who may
    sa.Column("head", sa.LargeBinary, nullable=False),
    # A legal hold keeps it since then; closed: it is over for everybody but the holders.
    sa.Column("held_since", sa.Float(53), nullable=True, index=True),
    sa.Column("closed_at", sa.Float(53), nullable=True),
)

# Who holds what and why, sealed; the row says only that there is a hold.
holds = sa.Table(
    "gh_holds",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),  # proposed, active, released, lapsed
    sa.Column("changed_at", sa.Float(53), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

records = sa.Table(
    "gh_records",
    metadata,
    sa.Column(
        "handle",
        sa.String(32),
        sa.ForeignKey("gh_conversations.handle", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)

# Sealed: the folded beginning of a session, so that a turn need not read all of it.
snapshots = sa.Table(
    "gh_snapshots",
    metadata,
    sa.Column(
        "handle",
        sa.String(32),
        sa.ForeignKey("gh_conversations.handle", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)
