"""Columns sealed anew, row by row, while others write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.db import open_engine
from gatehouse.errors import Unavailable
from gatehouse.keys import SealedColumn, associated_data, seal, unseal
from gatehouse.keys.columns import outstanding, reseal_column
from gatehouse.keys.envelope import is_current, write_with

KEY = bytes(range(32))
METADATA = sa.MetaData()
TABLE = sa.Table(
    "sealed_things",
    METADATA,
    sa.Column("person", sa.String(8), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=True),
)


def _bound(person: str, number: int) -> bytes:
    return associated_data(record="thing", person=person, number=number)


COLUMN = SealedColumn(
    TABLE, "secret", ("person", "number"), KEY, lambda row: _bound(row["person"], row["number"])
)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = (
        f"sqlite:///{tmp_path / 'x.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    engine = open_engine(url)
    METADATA.create_all(engine)
    yield engine
    engine.dispose()
    write_with("aes256gcm")


def _fill(engine: Engine, count: int) -> None:
    rows = [
        {
            "person": f"p{number % 3}",
            "number": number,
            "secret": seal(KEY, b"%d" % number, _bound(f"p{number % 3}", number)),
        }
        for number in range(count)
    ]
    with engine.begin() as connection:
        connection.execute(TABLE.insert(), rows)
        connection.execute(TABLE.insert().values(person="none", number=0, secret=None))


def _stored(engine: Engine) -> dict[tuple[str, int], bytes]:
    with engine.begin() as connection:
        rows = connection.execute(sa.select(TABLE).where(TABLE.c.secret.is_not(None))).fetchall()
    return {(row.person, row.number): bytes(row.secret) for row in rows}


def test_every_row_moves_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several batches, with an identity of two columns, nothing twice and nothing left."""
    monkeypatch.setattr("gatehouse.keys.columns._BATCH", 7)
    _fill(engine, 20)
    assert outstanding(engine, COLUMN) == 0
    write_with("chacha20poly1305")
    assert outstanding(engine, COLUMN) == 20
    assert list(reseal_column(engine, COLUMN)) == [True] * 20
    assert outstanding(engine, COLUMN) == 0
    for (person, number), sealed in _stored(engine).items():
        assert is_current(sealed)
        assert b"%d" % number == unseal(KEY, sealed, _bound(person, number))


def test_what_was_written_meanwhile_stays(engine: Engine) -> None:
    """A row that changes between reading and writing keeps what the other one wrote."""
    _fill(engine, 3)
    write_with("chacha20poly1305")
    steps = reseal_column(engine, COLUMN)
    assert next(steps)
    newer = seal(KEY, b"newer", _bound("p2", 2))
    with engine.begin() as connection:
        connection.execute(TABLE.update().where(TABLE.c.number == 2).values(secret=newer))
    list(steps)
    assert newer == _stored(engine)["p2", 2]


def test_a_row_that_does_not_open_is_left_and_counted(engine: Engine) -> None:
    """One bad row stops nothing."""
    _fill(engine, 3)
    bad = bytes(100)
    with engine.begin() as connection:
        connection.execute(TABLE.update().where(TABLE.c.number == 1).values(secret=bad))
    write_with("chacha20poly1305")
    assert sorted(reseal_column(engine, COLUMN)) == [False, True, True]
    assert bad == _stored(engine)["p1", 1]


def test_a_database_that_is_away_is_said(engine: Engine) -> None:
    """Without the text of the database's error."""
    with engine.begin() as connection:
        METADATA.drop_all(connection)
    with pytest.raises(Unavailable):
        outstanding(engine, COLUMN)
