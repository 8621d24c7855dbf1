"""Links to the people and sessions of an OpenID Connect provider, as keyed hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "gh_provider_links",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(14), nullable=False, unique=True),
        sa.Column("linked_at", sa.Float(53), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_table(
        "gh_provider_sessions",
        sa.Column("session_id", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("provider_session", sa.String(64), nullable=False),
    )
    for column in ("subject", "provider_session"):
        op.create_index(f"ix_gh_provider_sessions_{column}", "gh_provider_sessions", [column])
    op.create_table(
        "gh_provider_seen",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("until", sa.Float(53), nullable=False),
    )
