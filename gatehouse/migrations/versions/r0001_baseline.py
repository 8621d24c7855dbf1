"""People, sessions, step-up and conversations as the first version made them, without revisions.

It also adopts a database of that version: tables that are there and look as below are kept. It must
not import the tables of today, because it has to go on making those of its own time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from gatehouse.errors import NotReady

revision = "0001"
down_revision = None

metadata = sa.MetaData()

sa.Table(
    "gh_people",
    metadata,
    sa.Column("id", sa.String(14), primary_key=True),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("display_name", sa.String(200), nullable=False),
    sa.Column("roles", sa.String(500), nullable=False),
    sa.Column("department", sa.String(200), nullable=False),
    sa.Column("employment_type", sa.String(64), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.String(300), nullable=False),
    sa.Column("password_set_at", sa.Float(53), nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
)

sa.Table(
    "gh_sessions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("person_id", sa.String(14), nullable=False, index=True),
    sa.Column("conversation", sa.LargeBinary, nullable=False),
    sa.Column("started_at", sa.Float(53), nullable=False),
    sa.Column("last_seen_at", sa.Float(53), nullable=False),
    sa.Column("aal", sa.Integer, nullable=False),
    sa.Column("aal_at", sa.Float(53), nullable=True),
    sa.Column("ended_at", sa.Float(53), nullable=True),
    sa.Column("ended_reason", sa.String(16), nullable=False),
)

for name in ("gh_sign_in_throttle", "gh_code_throttle"):
    sa.Table(
        name,
        metadata,
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", sa.Float(53), nullable=False),
        sa.Column("last_at", sa.Float(53), nullable=False),
    )

sa.Table(
    "gh_totp",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, unique=True),
    sa.Column("seed", sa.LargeBinary, nullable=False),
    sa.Column("confirmed_at", sa.Float(53), nullable=True),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
)

_challenges = sa.Table(
    "gh_step_up_challenges",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conversation_tag", sa.String(64), nullable=False, index=True),
    sa.Column("session_tag", sa.String(64), nullable=False, index=True),
    sa.Column("person_tag", sa.String(64), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False, index=True),
    sa.Column("attempts_left", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=True),
)

sa.Index(
    "gh_step_up_one_pending",
    _challenges.c.conversation_tag,
    unique=True,
    sqlite_where=_challenges.c.state == "pending",
    postgresql_where=_challenges.c.state == "pending",
)

sa.Table(
    "gh_step_up_grants",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conversation_tag", sa.String(64), nullable=False, index=True),
    sa.Column("session_tag", sa.String(64), nullable=False, index=True),
    sa.Column("person_tag", sa.String(64), nullable=False),
    sa.Column("binding", sa.String(64), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("granted_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False, index=True),
    sa.Column("message_tag", sa.String(64), nullable=False),
)

sa.Table(
    "gh_conversations",
    metadata,
    sa.Column("handle", sa.String(32), primary_key=True),
    sa.Column("tag", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("tag_day", sa.Integer, nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),
    sa.Column("person_tag", sa.LargeBinary(32), nullable=True, index=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("last_message_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False, index=True),
    sa.Column("end_requested_at", sa.Float, nullable=True, index=True),
    sa.Column("end_reason", sa.String(16), nullable=True),
    sa.Column("head", sa.LargeBinary, nullable=False),
)

sa.Table(
    "gh_records",
    metadata,
    sa.Column(
        "handle",
        sa.String(32),
        sa.ForeignKey("gh_conversations.handle", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)


def upgrade() -> None:
    connection = op.get_bind()
    _require_ours(connection)
    metadata.create_all(connection)


def _require_ours(connection: Connection) -> None:
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        if columns != {column.name for column in table.columns}:
            raise NotReady(
                f"the table {table.name} is there and was not made by the first Gatehouse",
                "use a database of its own",
            )
