"""Front ends of people, their public keys, used ids, and sessions that are access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for name, length in (("client", 32), ("terms", 400)):
        column = sa.Column(name, sa.String(length), nullable=False, server_default="")
        op.add_column("gh_sessions", column)
    op.create_index("ix_gh_sessions_client", "gh_sessions", ["client"])
    op.create_table(
        "gh_front_ends",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(14), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("domain", sa.String(120), nullable=False),
        sa.Column("scopes", sa.String(80), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.Column("revoked_at", sa.Float(53), nullable=True),
        sa.Column("last_used_at", sa.Float(53), nullable=True),
        sa.Column("confirmed_with", sa.String(80), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
    )
    op.create_index("ix_gh_front_ends_person_id", "gh_front_ends", ["person_id"])
    op.create_table(
        "gh_front_end_keys",
        sa.Column("id", sa.String(43), primary_key=True),
        sa.Column("front_end", sa.String(32), nullable=False),
        sa.Column("jwk", sa.String(300), nullable=False),
        sa.Column("added_at", sa.Float(53), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
    )
    op.create_index("ix_gh_front_end_keys_front_end", "gh_front_end_keys", ["front_end"])
    op.create_table(
        "gh_used_ids",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("until", sa.Float(53), nullable=False),
    )
    op.create_index("ix_gh_used_ids_until", "gh_used_ids", ["until"])
