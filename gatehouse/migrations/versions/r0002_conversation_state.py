"""What happened in a conversation, sealed, for rules that ask about it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "gh_conversation_state",
        sa.Column("tag", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("changed_at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_gh_conversation_state_changed_at", "gh_conversation_state", ["changed_at"])
