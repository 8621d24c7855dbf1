"""What a writer role on PostgreSQL may do with the log: read it and add to it."""

from __future__ import annotations

import secrets

import pytest
import sqlalchemy as sa

from gatehouse.audit import AuditUnavailable, verify
from gatehouse.audit.schema import setup_sql
from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput
from tests.unit.audit.conftest import fill, open_log


@pytest.fixture
def roles(postgres_url: str) -> tuple[str, str]:
    """The URLs of the owner and of a writer role for the same empty schema."""
    owner = sa.engine.make_url(postgres_url)
    writer, password = f"writer_{secrets.token_hex(4)}", secrets.token_hex(8)
    schema = owner.query["options"].partition("search_path=")[2]
    with open_engine(postgres_url).begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {writer} LOGIN PASSWORD '{password}'")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {writer}")
    return postgres_url, owner.set(username=writer, password=password).render_as_string(False)


def prepare(owner: str, writer: str) -> None:
    engine = open_engine(owner)
    name = sa.engine.make_url(writer).username
    with engine.connect() as connection:
        connection.connection.cursor().execute(setup_sql(engine, str(name)))


def test_a_writer_without_tables_is_told_what_to_do(roles: tuple[str, str]) -> None:
    """Before the owner has prepared the database a start ends with the hint that says how."""
    with pytest.raises(AuditUnavailable) as caught:
        open_log(roles[1])
    assert "database-sql" in caught.value.hints[0]


def test_a_writer_can_only_add(roles: tuple[str, str]) -> None:
    """The log works under the writer role; everything that would undo it is refused by rights."""
    owner, writer = roles
    prepare(owner, writer)
    prepare(owner, writer)  # harmless when run again
    log = open_log(writer)
    fill(log, 3)
    log.add_checkpoint(3, "note")
    for statement in (
        "UPDATE gh_audit SET body = '{}'",
        "DELETE FROM gh_audit",
        "TRUNCATE gh_audit",
        "DROP TABLE gh_audit",
        "ALTER TABLE gh_audit DISABLE TRIGGER ALL",
        "ALTER TABLE gh_audit RENAME TO elsewhere",
        "DROP TRIGGER gh_audit_append_only ON gh_audit",
        "CREATE TABLE gh_audit_other (n int)",
        "DROP FUNCTION gh_audit_append_only() CASCADE",
        "SET session_replication_role = replica",
        "UPDATE gh_audit_checkpoints SET size = 9",
        "DELETE FROM gh_audit_checkpoints",
        "INSERT INTO gh_audit VALUES (2, '{}', '', '') ON CONFLICT (sequence) DO UPDATE SET body = ''",
    ):
        with pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"):
            run(writer, statement)
    assert 3 == verify(log).entries


def test_the_owner_is_stopped_by_triggers(roles: tuple[str, str]) -> None:
    """Rights do not bind an owner; triggers do until they are taken off, in a replica's session too."""
    owner, writer = roles
    prepare(owner, writer)
    fill(open_log(writer), 1)
    for statement in (
        "UPDATE gh_audit SET body = '{}'",
        "DELETE FROM gh_audit",
        "TRUNCATE gh_audit",
        "SET session_replication_role = replica; DELETE FROM gh_audit",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            run(owner, statement)


def test_a_trigger_that_is_gone_comes_back(postgres_url: str) -> None:
    """Where Gatehouse signs in as the owner, a start makes again what was dropped or disabled."""
    fill(open_log(postgres_url), 1)
    for attack in (
        "DROP TRIGGER gh_audit_append_only ON gh_audit",
        "ALTER TABLE gh_audit_checkpoints DISABLE TRIGGER gh_audit_checkpoints_append_only",
    ):
        run(postgres_url, attack)
        log = open_log(postgres_url)
        for table in ("gh_audit", "gh_audit_checkpoints"):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"):
                run(postgres_url, f"DELETE FROM {table}")
        assert 1 == verify(log).entries


@pytest.mark.parametrize("writer", ["", "a b", 'x"; DROP TABLE y; --', "Écrit", "UPPER"])
def test_only_a_plain_name_gets_into_sql(writer: str) -> None:
    """The name of a role is checked before it is written into statements."""
    with pytest.raises(InvalidInput):
        setup_sql(open_engine("postgresql+psycopg2://nobody@localhost:1/none"), writer)


def test_sqlite_has_no_roles() -> None:
    """Asking for a role on SQLite says what protects the file instead."""
    with pytest.raises(InvalidInput, match="only PostgreSQL"):
        setup_sql(open_engine("sqlite://"), "writer")


def run(url: str, statement: str) -> None:
    with open_engine(url).begin() as connection:
        connection.exec_driver_sql(statement)
