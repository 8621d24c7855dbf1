"""A tag beside each request to end a conversation. One that waits from before has none: it is
refused as altered, and has to be made again (`gatehouse tracker erase`)."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("gh_conversations", sa.Column("end_proof", sa.LargeBinary(32), nullable=True))
