"""The ids of webhook messages that came in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "gh_webhooks_received",
        sa.Column("source", sa.String(32), primary_key=True),
        sa.Column("message_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    op.create_index("ix_gh_webhooks_received_at", "gh_webhooks_received", ["at"])
