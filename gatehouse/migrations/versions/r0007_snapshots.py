"""A conversation may have a sealed snapshot, so that a turn reads a few records and not a session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "gh_snapshots",
        sa.Column(
            "handle",
            sa.String(32),
            sa.ForeignKey("gh_conversations.handle", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )
