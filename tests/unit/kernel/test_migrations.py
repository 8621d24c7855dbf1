"""Revisions of the main database: the same tables as the code's, adopted, locked, never downwards."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import gatehouse
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import NotReady, Unavailable
from gatehouse.keys.envelope import associated_data, seal
from gatehouse.migrations import MAIN, current, upgrade
from gatehouse.stepup import CodeRefused, Totp
from tests.patience import PATIENCE

PACKAGE = Path(gatehouse.__file__).parent


def schemas() -> list[sa.MetaData]:
    """The tables of the main database: every `schema` module but the audit log's."""
    names = sorted(path.parent.name for path in PACKAGE.glob("*/schema.py"))
    return [
        importlib.import_module(f"gatehouse.{name}.schema").metadata
        for name in names
        if name != "audit"
    ]


def described(engine: Engine) -> dict[str, Any]:
    """Everything that the database says about its tables, except the order of columns."""
    inspector = sa.inspect(engine)
    found: dict[str, Any] = {}
    for table in inspector.get_table_names():
        if table == MAIN.table:
            continue
        found[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign": inspector.get_foreign_keys(table),
            "unique": sorted(
                str(one["column_names"]) for one in inspector.get_unique_constraints(table)
            ),
            "indexes": indexes(engine, table),
        }
    return found


def indexes(engine: Engine, table: str) -> list[str]:
    query = (
        "SELECT sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL AND tbl_name=:table"
        if engine.dialect.name == "sqlite"
        else "SELECT indexdef FROM pg_indexes WHERE tablename=:table"
        " AND schemaname=current_schema()"
    )
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query), {"table": table})
        return sorted(" ".join(row[0].split()) for row in rows)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'main.db'}"
    return str(request.getfixturevalue("postgres_url"))


def made_by_hand(engine: Engine) -> dict[str, Any]:
    """The tables as today's code would make them; the database is empty again afterwards."""
    for metadata in schemas():
        metadata.create_all(engine)
    expected = described(engine)
    for metadata in reversed(schemas()):
        metadata.drop_all(engine)
    return expected


def test_revisions_give_the_tables_of_the_code(url: str) -> None:
    """A fresh database made by all revisions is the one that the code's tables describe."""
    engine = open_engine(url)
    expected = made_by_hand(engine)
    upgrade(engine)
    assert expected == described(engine)
    assert MAIN.head() == current(engine)
    engine.dispose()


def test_revisions_are_one_line() -> None:
    """Numbers are used once and follow each other; each file says the number of its name."""
    names = sorted(path.name for path in MAIN.folder.glob("r*.py"))
    numbers = [name[1:5] for name in names]
    assert [f"{n:04}" for n in range(1, len(names) + 1)] == numbers
    for previous, name in zip([None, *numbers], names, strict=False):
        text = (MAIN.folder / name).read_text(encoding="utf-8")
        assert f'revision = "{name[1:5]}"' in text, name
        down = f'"{previous}"' if previous else "None"
        assert re.search(rf"^down_revision = {down}$", text, re.MULTILINE), name


def test_a_database_of_the_first_version_is_adopted(url: str) -> None:
    """Tables made before there were revisions are kept with their rows and brought up to date."""
    engine = open_engine(url)
    baseline = _baseline()
    baseline.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            baseline.tables["gh_code_throttle"].insert(),
            {"key": "k", "failures": 3, "blocked_until": 1.5, "last_at": 1.0},
        )
    upgrade(engine)
    with engine.connect() as connection:
        rows = connection.execute(baseline.tables["gh_code_throttle"].select()).fetchall()
    assert [("k", 3, 1.5, 1.0)] == [tuple(row)[:4] for row in rows]
    assert MAIN.head() == current(engine)
    engine.dispose()


def test_apps_of_before_are_good_afterwards(url: str) -> None:
    """Their seeds open, used codes stay used, wrong ones stay counted; what was pending is gone."""
    engine, clock, key = open_engine(url), SettableClock(), bytes(range(32))
    baseline, now = _baseline(), clock.now()
    baseline.create_all(engine)
    rows = []
    for number, seed in enumerate(("JBSWY3DPEHPK3PXP" * 2, "MFRGGZDFMZTWQ2LK" * 2)):
        identity, person = f"{number}" * 32, f"p-{number}"
        bound = associated_data(record="totp seed", id=identity, person=person)
        rows.append(
            {"id": identity, "person_id": person, "seed": seal(key, seed.encode(), bound),
             "confirmed_at": None if number else now, "last_step": int(now // 30) - 1,
             "demo": False, "created_at": now}
        )  # fmt: skip
    with engine.begin() as connection:
        connection.execute(baseline.tables["gh_totp"].insert(), rows)
    upgrade(engine)
    totp = Totp(engine, clock, key)
    code = pyotp.TOTP("JBSWY3DPEHPK3PXP" * 2)
    with pytest.raises(CodeRefused):
        totp.verify("p-0", code.at(int(now) - 30))
    assert int(now // 30) == totp.verify("p-0", code.at(int(now)))
    assert ["0" * 32, None] == [totp.authenticators.account(p) for p in ("p-0", "p-1")]
    assert not totp.enrolled("p-1")
    engine.dispose()


def test_foreign_tables_are_not_adopted(tmp_path: Path) -> None:
    """A table of our name with other columns stops the start and nothing is made."""
    engine = open_engine(f"sqlite:///{tmp_path / 'main.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE gh_people (id INTEGER)")
    with pytest.raises(NotReady, match="gh_people"):
        upgrade(engine)
    assert ["gh_people"] == sa.inspect(engine).get_table_names()


def test_a_newer_database_is_refused(url: str) -> None:
    """Code that is older than the database says so and touches nothing."""
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {MAIN.table} SET version_num = '9999'"))
    with pytest.raises(NotReady, match="9999"):
        upgrade(engine)
    assert "9999" == current(engine)
    engine.dispose()


def test_an_unreachable_database_is_said_to_be() -> None:
    """No error of the driver reaches whoever starts Gatehouse."""
    with pytest.raises(Unavailable):
        upgrade(open_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nowhere"))


def test_processes_that_start_together_make_one_database(url: str) -> None:
    """Four processes that find an empty database at once all succeed."""
    program = (
        "import sys; from gatehouse.db import open_engine; from gatehouse.migrations import upgrade;"
        "sys.stdin.readline(); upgrade(open_engine(sys.argv[1]))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    codes = []
    for process in processes:
        process.communicate(timeout=PATIENCE)
        codes.append(process.returncode)
    assert [0, 0, 0, 0] == codes
    engine = open_engine(url)
    assert MAIN.head() == current(engine)
    engine.dispose()


def _baseline() -> sa.MetaData:
    spec = importlib.util.spec_from_file_location("baseline", MAIN.folder / "r0001_baseline.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata: sa.MetaData = module.metadata
    return metadata
