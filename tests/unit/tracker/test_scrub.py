"""What is left of deleted rows on disk, and that this is cleaned up as far as it goes."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.tracker.schema import records
from gatehouse.tracker.scrub import VACUUM_EVERY
from tests.unit.tracker.conftest import TTL, Deployment
from tests.unit.tracker.scripts import greeting


def on_disk(directory: Path, sealed: list[bytes]) -> list[bool]:
    """Which of `sealed` are in any file of the database."""
    raw = b"".join(path.read_bytes() for path in directory.glob("gatehouse.db*"))
    return [envelope[2:34] in raw for envelope in sealed]


@pytest.mark.parametrize("how", ["erased", "ended", "expired"])
def test_sqlite_keeps_nothing_of_deleted_rows(local: Deployment, how: str) -> None:
    """Neither the file nor its write-ahead log holds the sealed bytes after an end."""
    local.conversations.started("c", "p-1")
    for _ in range(5):
        local.turn("c", *greeting("x" * 500))
    sealed = [bytes(row.envelope) for row in local.rows(records)]
    assert [True] * 5 == on_disk(local.directory, sealed)
    if how == "erased":
        local.conversations.erase_person("p-1")
    elif how == "ended":
        local.conversations.destroy("c")
    else:
        local.clock.advance(TTL)
        local.conversations.purge()
    assert [False] * 5 == on_disk(local.directory, sealed)


def test_a_reader_in_the_way_is_waited_out(local: Deployment) -> None:
    """While somebody reads, the log cannot be truncated; the next purge does it, though it deletes
    nothing."""
    local.turn("c", *greeting("x" * 500))
    sealed = [bytes(row.envelope) for row in local.rows(records)]
    with local.engine.connect() as reader:
        reader.execution_options(isolation_level="AUTOCOMMIT")
        raw = reader.connection.cursor()
        raw.execute("BEGIN")
        raw.execute("SELECT count(*) FROM gh_records").fetchall()
        local.conversations.destroy("c")
        left = on_disk(local.directory, sealed)
        raw.execute("ROLLBACK")
    assert [True] == left
    assert 0 == local.conversations.purge().conversations
    assert [False] == on_disk(local.directory, sealed)


def test_postgresql_is_vacuumed(postgres_url: str, tmp_path: Path) -> None:
    """After a purge the table of records has given its pages back; not more often than it should."""
    from tests.unit.tracker.conftest import _deploy

    for deployment in _deploy(postgres_url, tmp_path):
        assert 0 < _size_after(deployment, "a")[0]
        deployment.clock.advance(VACUUM_EVERY)
        before, after = _size_after(deployment, "b")
        assert (True, 0) == (before > 0, after)


def _size_after(deployment: Deployment, name: str) -> tuple[int, int]:
    """Bytes of the table before and after the conversation `name` began and was destroyed."""
    size = sa.text("SELECT pg_relation_size('gh_records')")
    for _ in range(5):
        deployment.turn(name, *greeting("x" * 500))
    before = int(deployment.execute(size)[0][0])
    deployment.conversations.destroy(name)
    return before, int(deployment.execute(size)[0][0])
