"""A seeded demo organisation for each test, cheap to get and never shared when it is written to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine, make_url

from actions.records.seed import seed
from actions.records.sql import SqlRecords
from gatehouse.db import open_engine

TODAY = date(2026, 11, 23)  # a Monday
DATABASE = "records_either"
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the demo organisation of `TODAY`, to be copied."""
    path = tmp_path_factory.mktemp("records") / "seeded.db"
    engine = open_engine(f"sqlite:///{path}")
    seed(engine, TODAY)
    engine.dispose()
    return path


@pytest.fixture
def engine(seeded_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """The engine of a fresh copy of the demo organisation."""
    path = tmp_path / "records.db"
    shutil.copy(seeded_file, path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """The engine of an empty database."""
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    """The system of record on a fresh copy."""
    return SqlRecords(engine)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A freshly seeded engine of each kind, shared by the tests of a module."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('either') / 'records.db'}"
    else:
        url = _new_database(request.getfixturevalue("postgres_server"))
    engine = open_engine(url)
    seed(engine, TODAY)
    yield engine
    engine.dispose()


def _new_database(server: str) -> str:
    # `postgres_url` gives each test a database; these tests share one, as seeding takes a while.
    engine = open_engine(server)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
    engine.dispose()
    return make_url(server).set(database=DATABASE).render_as_string(hide_password=False)


@pytest.fixture
def either(either_engine: Engine) -> SqlRecords:
    """The system of record on either database; tests use different people."""
    return SqlRecords(either_engine)
