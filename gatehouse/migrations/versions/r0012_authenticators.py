"""Several second factors of several kinds per person, with names; tickets for the first; notices.

The apps that were there stay what they are: seeds are sealed for their id and person, which do not
change. What wrong codes were counted under, and browsers are known by, stays as well.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "gh_authenticators",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("confirmed_at", sa.Float(53), nullable=True),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("last_about", sa.String(64), nullable=False),
        sa.Column("credential", sa.String(64), nullable=True, unique=True),
        sa.Column("backup", sa.String(10), nullable=False),
        sa.Column("suspended_at", sa.Float(53), nullable=True),
        sa.Column("last_used_at", sa.Float(53), nullable=True),
        sa.Column("demo", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=True),
        sa.Column("session_tag", sa.String(64), nullable=False),
        sa.Column("tries_left", sa.Integer, nullable=False),
    )
    op.create_index("ix_gh_authenticators_person_id", "gh_authenticators", ["person_id"])
    op.create_index(
        "gh_authenticators_one_pending",
        "gh_authenticators",
        ["person_id", "session_tag"],
        unique=True,
        sqlite_where=sa.text("confirmed_at IS NULL"),
        postgresql_where=sa.text("confirmed_at IS NULL"),
    )
    op.create_table(
        "gh_factor_accounts",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(32), nullable=False),
    )
    op.create_table(
        "gh_enrolment_tickets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Float(53), nullable=False),
        sa.Column("used_at", sa.Float(53), nullable=True),
    )
    op.create_index("ix_gh_enrolment_tickets_person_id", "gh_enrolment_tickets", ["person_id"])
    op.create_table(
        "gh_factor_notices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_gh_factor_notices_person_id", "gh_factor_notices", ["person_id"])
    # An enrolment that was never completed is begun anew.
    op.execute(
        "INSERT INTO gh_authenticators (id, person_id, kind, name, sealed, confirmed_at, last_step, "
        "last_about, backup, demo, created_at, session_tag, tries_left) "
        "SELECT id, person_id, 'totp', 'Authenticator app', seed, confirmed_at, last_step, "
        "'', '', demo, created_at, '', 0 FROM gh_totp WHERE confirmed_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO gh_factor_accounts (person_id, account) "
        "SELECT person_id, id FROM gh_totp WHERE confirmed_at IS NOT NULL"
    )
    op.drop_table("gh_totp")
