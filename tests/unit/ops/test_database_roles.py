"""Service accounts on PostgreSQL: each does its work, and nothing beyond it, whatever it tries."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.audit import schema as audit_schema
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.migrations import upgrade
from gatehouse.ops.database_roles import PURGE_ONLY_DELETES, PURGE_WRITES, Accounts, roles_sql
from gatehouse.runtime import Runtime, open_runtime
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

PROJECT = Path(__file__).resolve().parents[3]
DENIED = r"permission denied|must be owner"


@dataclass
class Prepared:
    """A database with its accounts; `url` of each by the name of its work."""

    owner: str
    url: dict[str, str]
    accounts: Accounts

    def run(self, role: str, statement: str) -> None:
        engine = open_engine(self.url.get(role, self.owner))
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()


@pytest.fixture
def prepared(postgres_url: str) -> Iterator[Prepared]:
    made = sa.engine.make_url(postgres_url)
    work = ("server", "purge", "backup", "auditor")
    mark, password = secrets.token_hex(4), secrets.token_hex(8)
    names = {one: f"{one}_{mark}" for one in work}
    urls = {
        one: made.set(username=name, password=password).render_as_string(False)
        for one, name in names.items()
    }
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        for name in names.values():
            connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    upgrade(engine)
    as_psql(postgres_url, audit_schema.setup_sql(engine, names["server"]))
    accounts = Accounts(**names)
    for _ in range(2):  # harmless when run again
        as_psql(postgres_url, roles_sql(accounts))
    yield Prepared(postgres_url, urls, accounts)
    with engine.begin() as connection:
        for name in names.values():
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")
    engine.dispose()


def as_psql(url: str, script: str) -> None:
    engine = open_engine(url)
    connection = engine.raw_connection()
    try:
        connection.cursor().execute(script)
    finally:
        connection.close()
        engine.dispose()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    KeyRing.initialise(tmp_path / "var" / "keys", SettableClock()).close()
    return tmp_path


def opened(
    home: Path, prepared: Prepared, role: str, clock: SettableClock, patch: pytest.MonkeyPatch
) -> Runtime:
    for section in ("DATABASE", "AUDIT"):
        patch.setenv(f"GATEHOUSE_{section}_URL", prepared.url[role])
    return open_runtime(home, clock, serving=role == "server")


def test_the_server_serves_and_the_purge_purges(
    prepared: Prepared, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under rights of their own: people, sessions, conversations, factors, the log; then the expiry."""
    clock = SettableClock()
    runtime = opened(home, prepared, "server", clock, monkeypatch)
    runtime.record_start()
    person = runtime.directory.add(
        "erin.walsh", "Erin Walsh", ["employee"], "lantern harbour seventeen plums"
    )
    runtime.directory.check_password("erin.walsh", "lantern harbour seventeen plums", source="a")
    _, session = runtime.sessions.open(person)
    runtime.conversations.started(session.conversation_id, person.id)
    runtime.recovery.issue(person.id)
    runtime.audit.append("sign_in", person=person.id)
    runtime.purge()
    runtime.close()
    clock.advance(runtime.settings.retention.ttl + runtime.settings.session.absolute + 90_000)
    purging = opened(home, prepared, "purge", clock, monkeypatch)
    purging.purge()
    assert () == purging.sessions.of_person(person.id)
    assert purging.audit.size() >= 3
    purging.close()


ALTERING = (
    "DROP TABLE gh_people",
    "TRUNCATE gh_sessions",
    "ALTER TABLE gh_people ADD COLUMN hole text",
    "CREATE TABLE gh_elsewhere (n int)",
    "CREATE FUNCTION gh_hole() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "UPDATE gh_schema_version SET version_num = '9999'",
    "DELETE FROM gh_schema_version",
    "UPDATE gh_audit SET body = '{}'",
    "DELETE FROM gh_audit",
    "TRUNCATE gh_audit",
    "DROP TABLE gh_audit",
    "ALTER TABLE gh_audit DISABLE TRIGGER ALL",
    "DROP TRIGGER gh_audit_append_only ON gh_audit",
    "DELETE FROM gh_audit_checkpoints",
    "SET session_replication_role = replica",
)
READING = ("SELECT * FROM gh_people", "SELECT * FROM gh_records", "SELECT * FROM gh_authenticators")
WRITING = (
    "DELETE FROM gh_records",
    "UPDATE gh_people SET roles = 'compliance'",
    "INSERT INTO gh_provider_seen VALUES ('a', 1)",
    "INSERT INTO gh_audit VALUES (1, '{}', '', '')",
)


@pytest.mark.parametrize("role", ["server", "purge", "backup", "auditor"])
def test_nobody_but_the_owner_alters_anything(prepared: Prepared, role: str) -> None:
    """Neither a table nor an entry of the log nor the number of the revision."""
    for statement in ALTERING:
        with pytest.raises(sa.exc.ProgrammingError, match=DENIED):
            prepared.run(role, statement)


def test_each_account_has_its_own_work_only(prepared: Prepared) -> None:
    """An auditor reads the log alone; a backup reads everything and writes nothing; a purge makes
    nobody an administrator and gives nobody a factor."""
    engine = open_engine(prepared.owner)
    tables = {name for name in sa.inspect(engine).get_table_names() if "audit" not in name}
    engine.dispose()
    assert {*PURGE_WRITES, *PURGE_ONLY_DELETES, "gh_people", "gh_recovery_codes"} <= tables
    refused = {
        "auditor": (*READING, *WRITING),
        "backup": WRITING,
        "purge": tuple(
            statement
            for table in tables - {*PURGE_WRITES, *PURGE_ONLY_DELETES}
            for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} DEFAULT VALUES")
        )
        + tuple(f"INSERT INTO {table} DEFAULT VALUES" for table in PURGE_ONLY_DELETES),
    }
    for role, statements in refused.items():
        for statement in statements:
            with pytest.raises(sa.exc.ProgrammingError, match=DENIED):
                prepared.run(role, statement)
    for statement in (*READING, "SELECT * FROM gh_audit"):
        prepared.run("backup", statement)
    prepared.run("auditor", "SELECT * FROM gh_audit, gh_audit_checkpoints")


def test_a_server_without_rights_says_who_updates_the_tables(prepared: Prepared) -> None:
    """After an update the start is refused with the command that the owner runs, and works after it."""
    prepared.run("owner", "UPDATE gh_schema_version SET version_num = '0001'")
    engine = open_engine(prepared.url["server"])
    with pytest.raises(NotReady, match="cannot change them") as refused:
        upgrade(engine)
    assert "database upgrade" in refused.value.hints[0]
    engine.dispose()


def test_names_are_names() -> None:
    """No name can carry SQL, and no account two kinds of work."""
    for name in ("a; DROP TABLE gh_audit", 'a"', "A", "", "x" * 64):
        with pytest.raises(InvalidInput):
            roles_sql(Accounts(name or "1"))
    with pytest.raises(InvalidInput, match="a role of its own"):
        roles_sql(Accounts("one", purge="one"))
