"""How many wrong codes were looked at on which day, for the yearly bound on guessing."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "gh_wrong_codes",
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("wrong", sa.Integer, nullable=False),
    )
