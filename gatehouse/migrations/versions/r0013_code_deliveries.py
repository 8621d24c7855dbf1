"""Which codes were sent by e-mail or text message, without the codes."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "gh_code_deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("authenticator_id", sa.String(32), nullable=False),
        sa.Column("person_tag", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("last_sent_at", sa.Float(53), nullable=False),
        sa.Column("used_at", sa.Float(53), nullable=True),
        sa.UniqueConstraint("about", "authenticator_id"),
    )
    op.create_index("ix_gh_code_deliveries_person_tag", "gh_code_deliveries", ["person_tag"])
