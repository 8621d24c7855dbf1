"""Resets of second factors: who proposed, who carried out, and which were done alone."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "gh_factor_resets",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("proposer", sa.String(64), nullable=False),
        sa.Column("approver", sa.String(64), nullable=False),
        sa.Column("proposed_at", sa.Float(53), nullable=False),
        sa.Column("done_at", sa.Float(53), nullable=True),
        sa.Column("alone", sa.Boolean, nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("ix_gh_factor_resets_person_id", "gh_factor_resets", ["person_id"])
