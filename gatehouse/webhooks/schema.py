"""The table of messages that came in, so that none acts twice.

Holds ids only, never what a message said.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

received = sa.Table(
    "gh_webhooks_received",
    metadata,
    sa.Column("source", sa.String(32), primary_key=True),
    sa.Column("message_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Float(53), nullable=False, index=True),
    sa.Column("done", sa.Boolean, nullable=False),
)
