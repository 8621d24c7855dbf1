"""Which browser a session was opened in, for the list of one's sessions and against stolen ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name, length in (("browser", 40), ("browser_tag", 64)):
        column = sa.Column(name, sa.String(length), nullable=False, server_default="")
        op.add_column("gh_sessions", column)
