"""Engines: durable SQLite, no other databases, no parameters in errors."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput


def test_sqlite_is_durable_and_overwrites(tmp_path: Path) -> None:
    """The pragmas that durability and erasure rest on are really on."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        value = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1} == value


def test_sqlite_file_is_private(tmp_path: Path) -> None:
    """A new database file is readable by its owner only."""
    open_engine(f"sqlite:///{tmp_path / 'sub' / 'x.db'}")
    assert 0o600 == stat.S_IMODE((tmp_path / "sub" / "x.db").stat().st_mode)


def test_read_then_write_does_not_lose_updates(tmp_path: Path) -> None:
    """Two transactions that read a value and write it back plus one do not overlap."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    def increment() -> None:
        for _ in range(20):
            with engine.begin() as connection:
                value = connection.exec_driver_sql("SELECT value FROM counter").scalar()
                connection.execute(sa.text("UPDATE counter SET value = :v"), {"v": value + 1})

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert 80 == connection.exec_driver_sql("SELECT value FROM counter").scalar()


def test_errors_hide_parameters(tmp_path: Path) -> None:
    """The text of a database error does not contain the values of the statement."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(sa.exc.OperationalError) as caught, engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO missing VALUES (:v)"), {"v": "MARKED-SECRET"})
    assert "MARKED-SECRET" not in str(caught.value)


def test_other_databases_are_refused() -> None:
    """Only the two databases that are tested can be configured."""
    with pytest.raises(InvalidInput, match="mysql"):
        open_engine("mysql://localhost/x")


def test_unreadable_url_does_not_show_its_password() -> None:
    """A mistyped URL is refused without repeating the password in it."""
    with pytest.raises(InvalidInput) as caught:
        open_engine("postgresql//user:MARKED-SECRET@host/name")
    assert "MARKED-SECRET" not in caught.value.diagnostics()


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_went_takes_no_more_writes(tmp_path: Path, how: str) -> None:
    """What is written into a file without a name would be lost with the process, acknowledged or not."""
    path, aside = tmp_path / "x.db", tmp_path / "aside.db"
    engine = open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (value INTEGER)")
    path.rename(aside)
    if how == "replaced":
        path.write_bytes(aside.read_bytes())
    for _ in range(2):  # also over a connection that is made anew
        with (
            pytest.raises(sa.exc.OperationalError, match="moved, deleted or replaced"),
            engine.begin() as connection,
        ):
            connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
        engine.dispose()
    if how == "deleted":
        return
    aside.rename(path)
    with engine.begin() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM kept").scalar()
