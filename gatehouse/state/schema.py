"""The table of what happened in conversations.

The tag is computed with the conversation's own key, so that a row belongs to nobody once that key is
gone, and says neither which conversation it was of nor what happened in it.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

states = sa.Table(
    "gh_conversation_state",
    metadata,
    sa.Column("tag", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("changed_at", sa.Float(53), nullable=False, index=True),
)
