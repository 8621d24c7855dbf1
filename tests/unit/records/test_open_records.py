"""Opening the system of record, and a database that fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from actions.records import open_records
from actions.records.interface import RecordNotFound
from actions.records.sql import SqlRecords
from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput, Unavailable
from gatehouse.settings import Settings, load_settings

from .conftest import NOW, TODAY


def _settings(home: Path, url: str) -> Settings:
    return load_settings(home, {"GATEHOUSE_RECORDS_URL": url})


def test_opened_once(tmp_path: Path) -> None:
    """The same database is opened once per process, another one by itself; nobody is made up."""
    first = open_records(_settings(tmp_path, "sqlite:///one.db"))
    assert first is open_records(_settings(tmp_path, "sqlite:///one.db"))
    assert first is not open_records(_settings(tmp_path, "sqlite:///two.db"))
    with pytest.raises(RecordNotFound):
        first.employee("E-1001")


def test_cannot_be_opened(tmp_path: Path) -> None:
    """A database that cannot be opened is named without its address or password."""
    (tmp_path / "blocked").write_text("a file where a directory should be")
    for url in ("sqlite:///blocked/records.db", "not a url with s3cret in it"):
        with pytest.raises((InvalidInput, Unavailable)) as caught:
            open_records(_settings(tmp_path, url))
        assert "s3cret" not in caught.value.diagnostics()
        assert caught.value.__cause__ is None


def test_unknown_database(tmp_path: Path) -> None:
    """Another kind of database is refused by name."""
    with pytest.raises(InvalidInput, match="mysql"):
        open_records(_settings(tmp_path, "mysql://localhost/records"))


def test_damaged_database(tmp_path: Path) -> None:
    """Questions and changes on a file that is no database end in one clear error."""
    path = tmp_path / "records.db"
    path.write_bytes(b"this is not a database" * 1000)
    records = SqlRecords(open_engine(f"sqlite:///{path}"))
    for ask in (
        lambda: records.employee("E-1001"),
        lambda: records.find_people("Erin"),
        lambda: records.open_case("E-1001", "speak_to_person", "", "request-1", NOW),
    ):
        with pytest.raises(Unavailable, match="does not answer"):
            ask()


def test_full_disk(engine: Engine, records: SqlRecords) -> None:
    """When the disk is full a change is refused, and what was acknowledged before stays."""

    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    @sa.event.listens_for(engine, "connect")
    def _small(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")

    engine.dispose()
    kept = []
    with pytest.raises(Unavailable):
        for number in range(50):
            key = f"request-{number}"
            kept.append(records.open_case("E-1001", "security_incident", "x" * 4000, key, NOW))
    assert 0 < len(kept) < 50
    assert kept == list(reversed(records.cases("E-1001")))
    assert 15 == records.leave_balance("E-1001", TODAY).available


def test_reading_leaves_a_pooled_connection_writable(seeded_file: Path, tmp_path: Path) -> None:
    """A connection that was used for a question can be used for a change afterwards."""
    shutil.copy(seeded_file, tmp_path / "pooled.db")
    engine = sa.create_engine(
        f"sqlite:///{tmp_path / 'pooled.db'}", future=True, poolclass=QueuePool, pool_size=1
    )
    records = SqlRecords(engine)
    assert () == records.cases("E-1001")
    assert "open" == records.open_case("E-1001", "speak_to_person", "", "request-1", NOW).status
    engine.dispose()
