"""What the tests of identity share: a clock that stands still, a database, one person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.identity import CHEAPEST, Directory, Person, Sessions
from gatehouse.identity.schema import metadata
from gatehouse.settings import Session as SessionSettings

KEY = bytes(range(32))
PASSWORD = "teapot under the quiet bridge"


def open_fast(url: str) -> Engine:
    """An engine that does not wait for the disk: no test here is about a power cut."""
    opened = open_engine(url)

    @sa.event.listens_for(opened, "connect")
    def _relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return opened


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_fast(f"sqlite:///{tmp_path / 'identity.db'}")
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each of the supported databases in turn, with empty tables."""
    if request.param == "sqlite":
        opened = open_fast(f"sqlite:///{tmp_path / 'either.db'}")
    else:
        opened = open_engine(request.getfixturevalue("postgres_url"))
        metadata.drop_all(opened)
    metadata.create_all(opened)
    yield opened
    metadata.drop_all(opened)
    opened.dispose()


@pytest.fixture
def directory(engine: Engine, clock: SettableClock) -> Directory:
    return Directory(engine, clock, CHEAPEST, key=KEY)


@pytest.fixture
def erin(directory: Directory) -> Person:
    return directory.add(
        "erin.walsh",
        "Erin Walsh",
        ["employee"],
        PASSWORD,
        department="Warehouse",
        employment_type="permanent",
        employee_id="E-1001",
        must_change_password=False,
    )


@pytest.fixture
def sessions(engine: Engine, clock: SettableClock) -> Sessions:
    return Sessions(engine, clock, SessionSettings(idle=900, absolute=28800), KEY)
