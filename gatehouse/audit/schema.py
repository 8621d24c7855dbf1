"""The table of the audit log and the triggers that make it append-only.

Triggers stop a mistake and a careless administrator; somebody who may change the schema can drop
them, which is why every entry is chained to the one before (`gatehouse.audit.chain`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

metadata = sa.MetaData()

entries = sa.Table(
    "gh_audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("chain", sa.LargeBinary(32), nullable=False),
)

_ABORT = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
_SQLITE_TRIGGERS = (
    f"CREATE TRIGGER IF NOT EXISTS gh_audit_no_update BEFORE UPDATE ON gh_audit {_ABORT}",
    f"CREATE TRIGGER IF NOT EXISTS gh_audit_no_delete BEFORE DELETE ON gh_audit {_ABORT}",
    # INSERT OR REPLACE deletes the old row without firing a trigger of DELETE.
    (
        "CREATE TRIGGER IF NOT EXISTS gh_audit_no_replace BEFORE INSERT ON gh_audit "
        f"WHEN EXISTS (SELECT 1 FROM gh_audit WHERE sequence = NEW.sequence) {_ABORT}"
    ),
)

_POSTGRES_TRIGGERS = (
    (
        "CREATE OR REPLACE FUNCTION gh_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    ),
    "DROP TRIGGER IF EXISTS gh_audit_append_only ON gh_audit",
    (
        "CREATE TRIGGER gh_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gh_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION gh_audit_append_only()"
    ),
)

_POSTGRES_LOCK = 0x67680001  # any constant of our own: one writer at a time keeps one order


def create(engine: Engine) -> None:
    """Create the table and its triggers if they do not exist."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        if not sqlite:
            serialise_writers(connection)
        metadata.create_all(connection)
        for statement in _SQLITE_TRIGGERS if sqlite else _POSTGRES_TRIGGERS:
            connection.exec_driver_sql(statement)


def serialise_writers(connection: Connection) -> None:
    """Hold off other writers until this transaction ends (SQLite does so by itself)."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
