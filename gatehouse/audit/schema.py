"""The tables of the audit log, the triggers that make them append-only, and the writer's rights.

Triggers stop a mistake and a careless administrator; on PostgreSQL a writer role that owns nothing
and may only read and insert stops everybody else who has its password. Whoever may change the schema
can still undo both, which is why entries are chained, summed up in a tree and witnessed elsewhere.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.schema import CreateTable

from gatehouse.errors import InvalidInput

metadata = sa.MetaData()

entries = sa.Table(
    "gh_audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("chain", sa.LargeBinary(32), nullable=False),
    # The root of the largest complete subtree that ends here: gatehouse.audit.tree.
    sa.Column("node", sa.LargeBinary(32), nullable=False),
)

checkpoints = sa.Table(
    "gh_audit_checkpoints",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

_TABLES = {"gh_audit": "sequence", "gh_audit_checkpoints": "number"}
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION gh_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
)
_POSTGRES_LOCK = 0x67680001  # any constant of our own: one writer at a time keeps one order


def create(engine: Engine) -> None:
    """Create tables and triggers as far as they do not exist.

    A writer role without rights to do so needs none when everything is there.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        names = sa.inspect(connection).get_table_names()
        absent = [table for table in metadata.sorted_tables if table.name not in names]
        if absent:
            serialise_writers(connection)
            metadata.create_all(connection)
        if sqlite or absent or _triggers_are_missing(connection):
            protect(connection)


def protect(connection: Connection) -> None:
    """Make the triggers of both tables."""
    if connection.dialect.name == "sqlite":
        for statement in _sqlite_triggers():
            connection.exec_driver_sql(statement)
        return
    for statement in _postgres_triggers():
        connection.exec_driver_sql(statement)


def serialise_writers(connection: Connection) -> None:
    """Hold off other writers until this transaction ends (SQLite does so by itself)."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})


def is_before_the_tree(connection: Connection) -> bool:
    """Whether the log is one of those that were only chained."""
    inspector = sa.inspect(connection)
    if entries.name not in inspector.get_table_names():
        return False
    return "node" not in {column["name"] for column in inspector.get_columns(entries.name)}


def drop_sqlite_triggers(connection: Connection, table: str) -> None:
    """Take the triggers of `table` off, for a conversion."""
    for verb in ("update", "delete", "replace"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")


def setup_sql(engine: Engine, writer: str) -> str:
    """What the owner of a PostgreSQL database runs once, so that the role `writer` can only add.

    Raises `InvalidInput` for a name that is not a plain identifier.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", writer):
        raise InvalidInput(
            f"{writer!r} cannot be used as the name of a role",
            "small letters, digits and underscores",
        )
    if engine.dialect.name != "postgresql":
        raise InvalidInput(
            "only PostgreSQL has roles",
            "SQLite protects the log by file modes: give it a user of its own",
        )
    lines = ["BEGIN;"]
    for table in metadata.sorted_tables:
        definition = str(CreateTable(table, if_not_exists=True).compile(engine)).strip()
        lines.append(f"{definition};")
    lines += [f"{statement};" for statement in _postgres_triggers()]
    for name in _TABLES:
        lines.append(f"REVOKE ALL ON {name} FROM PUBLIC;")
        lines.append(f"REVOKE ALL ON {name} FROM {writer};")
        lines.append(f"GRANT SELECT, INSERT ON {name} TO {writer};")
    lines.append("COMMIT;")
    return "\n".join(lines) + "\n"


def _sqlite_triggers() -> list[str]:
    abort = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    found = []
    for table, key in _TABLES.items():
        for verb in ("update", "delete"):
            when = f"BEFORE {verb.upper()} ON {table}"
            found.append(f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb} {when} {abort}")
        # INSERT OR REPLACE deletes the old row without firing a trigger of DELETE.
        found.append(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) {abort}"
        )
    return found


def _postgres_triggers() -> list[str]:
    found = [_FUNCTION]
    for table in _TABLES:
        found.append(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        found.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION gh_audit_append_only()"
        )
        # ALWAYS: also in a session that calls itself a replica, where others do not fire.
        found.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")
    return found


def _triggers_are_missing(connection: Connection) -> bool:
    """Whether a trigger is gone and this role owns the tables, so that it can be made again."""
    for table in _TABLES:
        found = connection.execute(
            sa.text(
                "SELECT pg_has_role(c.relowner, 'USAGE'), EXISTS (SELECT 1 FROM pg_trigger t "
                "WHERE t.tgrelid = c.oid AND t.tgname = :trigger AND t.tgenabled = 'A') "
                "FROM pg_class c WHERE c.oid = to_regclass(:table)"
            ),
            {"trigger": f"{table}_append_only", "table": table},
        ).first()
        if found is not None and found[0] and not found[1]:
            return True
    return False
