"""Recovery codes, as keyed hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "gh_recovery_codes",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("used_at", sa.Float(53), nullable=True),
    )
    op.create_index("ix_gh_recovery_codes_person_id", "gh_recovery_codes", ["person_id"])
