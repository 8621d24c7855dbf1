"""Legal holds: who holds what, and which conversations are kept by one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("gh_conversations", sa.Column("held_since", sa.Float(53), nullable=True))
    op.add_column("gh_conversations", sa.Column("closed_at", sa.Float(53), nullable=True))
    op.create_index("ix_gh_conversations_held_since", "gh_conversations", ["held_since"])
    op.create_table(
        "gh_holds",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("changed_at", sa.Float(53), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
