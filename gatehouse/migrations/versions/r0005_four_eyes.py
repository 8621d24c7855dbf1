"""The policies in force and the edits that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "gh_policy_in_force",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.String(64), nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.Float(53), nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "gh_policy_edits",
        sa.Column("revision", sa.String(64), primary_key=True),
        sa.Column("base_serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("offered_at", sa.Float(53), nullable=False),
        sa.Column("proposer", sa.String(14), nullable=False),
        sa.Column("proposed_at", sa.Float(53), nullable=True),
        sa.Column("approver", sa.String(14), nullable=False),
        sa.Column("approved_at", sa.Float(53), nullable=True),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
    )
