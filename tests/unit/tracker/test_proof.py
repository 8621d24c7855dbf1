"""The proof itself: real backups of both databases, restored, after some conversations died.

Each backup and a copy of the ring are taken while every conversation lives. Then some expire, one is
ended, one person's are erased, and the living go on over midnight into another day's bucket.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import pytest

from gatehouse.errors import InvalidInput
from gatehouse.keys import KeyRing, RootMissing
from gatehouse.tracker.backups import open_backup
from gatehouse.tracker.proof import ErasureBroken, LiveUnreadable, Prover, Report
from gatehouse.tracker.schema import records
from tests.postgres import give_tree_away, program, started
from tests.unit.tracker.conftest import Deployment
from tests.unit.tracker.scripts import greeting

MINUTE = 60.0
# Before and after midnight. What was ended is told from what expired as long as it could have lived.
EARLY = {"live": (5, 5), "expired": (0, 0), "ended_or_erased": (3, 0), "held": (0, 0)}
EXPECTED = {"live": (3, 3), "expired": (5, 0), "ended_or_erased": (0, 0), "held": (0, 0)}


def begin(deployment: Deployment) -> None:
    """Eight conversations at a quarter to eleven in the evening; they expire before midnight."""
    deployment.clock.advance(14 * 3600 + 45 * MINUTE)
    for number in range(3):
        for name, person in ((f"live-{number}", "p-1"), (f"erased-{number}", "p-2")):
            if name == "erased-2":
                name, person = "ended", "p-3"
            deployment.conversations.started(name, person)
            deployment.turn(name, *greeting(f"the secret of {name}"))
    for name in ("expired-0", "expired-1"):
        deployment.conversations.started(name, "p-1")
        deployment.turn(name, *greeting(f"the secret of {name}"))


def end(deployment: Deployment) -> None:
    """One person is erased and one conversation ended, a while later."""
    deployment.clock.advance(40 * MINUTE)
    for number in range(3):
        deployment.turn(f"live-{number}", *greeting("later"))
    deployment.conversations.erase_person("p-2")
    deployment.conversations.destroy("ended")


def go_on(deployment: Deployment) -> None:
    """The living go on until after midnight, two expire."""
    deployment.clock.advance(40 * MINUTE)
    assert 2 == deployment.conversations.purge().conversations


def counted(report: Report) -> dict[str, tuple[int, int]]:
    return {name: (one.conversations, one.opened) for name, one in report.classes.items()}


def proof(deployment: Deployment, backup: str | Path, old: KeyRing | None = None) -> Report:
    prover = Prover(deployment.engine, deployment.ring, deployment.clock, old)
    with open_backup(str(backup)) as opened:
        return prover.examine(opened)


def dump(url: str, target: Path, *arguments: str) -> None:
    """`pg_dump` of the schema of this test."""
    schema = unquote(urlsplit(url).query).rpartition("=")[2]
    run_tool(url, "pg_dump", f"--schema={schema}", f"--file={target}", *arguments)


def run_tool(url: str, name: str, *arguments: str) -> None:
    parts = urlsplit(url)
    subprocess.run(
        [program(name), "-h", "127.0.0.1", "-p", str(parts.port), "-U", "gatehouse", *arguments,
         *(["postgres"] if name == "pg_dump" else [])],
        check=True, env={**os.environ, "PGPASSWORD": str(parts.password)},
        stdout=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip


@contextmanager
def postgres(request: pytest.FixtureRequest, directory: Path) -> Iterator[Deployment]:
    """A deployment on the shared PostgreSQL server."""
    from tests.unit.tracker.conftest import _deploy

    yield from _deploy(request.getfixturevalue("postgres_url"), directory)


def test_a_copied_sqlite_file(local: Deployment, tmp_path: Path) -> None:
    """Copied as it lies there, write-ahead log included: the living open, nobody else; an old copy
    of the ring does not open at all."""
    begin(local)
    kept = tmp_path / "kept"
    kept.mkdir()
    for file in local.directory.glob("gatehouse.db*"):
        shutil.copy(file, kept / file.name)
    local.ring.copy_to(kept / "ring.db")
    before = (kept / "gatehouse.db").read_bytes()
    end(local)
    assert EARLY == counted(proof(local, kept / "gatehouse.db"))
    go_on(local)
    report = proof(local, kept / "gatehouse.db")
    assert EXPECTED == counted(report)
    assert report.every_key
    report.require()
    assert before == (kept / "gatehouse.db").read_bytes()
    with (
        pytest.raises(RootMissing),
        KeyRing.open_copy(kept / "ring.db", local.directory / "keys", local.clock),
    ):
        pass


@pytest.mark.slow
def test_backups_of_postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """`pg_dump` in each format, and a base backup with its write-ahead log, restored and started."""
    # Not below `tmp_path`, which the user that runs PostgreSQL may not enter.
    with TemporaryDirectory() as place, postgres(request, tmp_path) as deployment:
        begin(deployment)
        sealed = [bytes(row.envelope) for row in deployment.rows(records)]
        for form in ("plain", "custom", "directory", "tar"):
            dump(deployment.url, tmp_path / f"dump.{form}", f"--format={form}")
        base = Path(place) / "data"
        run_tool(deployment.url, "pg_basebackup", "-D", str(base), "-X", "stream", "-c", "fast")
        deployment.ring.copy_to(tmp_path / "ring.db")
        end(deployment)
        assert EARLY == counted(proof(deployment, tmp_path / "dump.custom"))
        go_on(deployment)
        for form in ("plain", "custom", "directory", "tar"):
            report = proof(deployment, tmp_path / f"dump.{form}")
            assert EXPECTED == counted(report), form
        # The sealed records of the dead are all still there; only their keys are not.
        raw = b"".join(p.read_bytes() for p in base.rglob("*") if p.is_file())
        assert all(envelope in raw for envelope in sealed)
        give_tree_away(base.parent)
        password = str(urlsplit(deployment.url).password)
        with started(base, base.parent, password) as url:
            restored = f"{url}?{urlsplit(deployment.url).query}"
            assert EXPECTED == counted(proof(deployment, restored))
        with (
            pytest.raises(RootMissing),
            KeyRing.open_copy(tmp_path / "ring.db", tmp_path / "keys", deployment.clock),
        ):
            pass


def test_the_proof_fails_when_a_root_was_kept(local: Deployment, tmp_path: Path) -> None:
    """Somebody who archives the key root against all advice is found out: everything opens."""
    begin(local)
    shutil.copy(local.directory / "gatehouse.db", tmp_path / "kept.db")
    shutil.copy(local.directory / "gatehouse.db-wal", tmp_path / "kept.db-wal")
    local.ring.copy_to(tmp_path / "ring.db")
    roots = {path.name: path.read_bytes() for path in (tmp_path / "keys").glob("root-*.key")}
    end(local)
    go_on(local)
    for name, content in roots.items():
        (tmp_path / "keys" / name).touch(mode=0o600)
        (tmp_path / "keys" / name).write_bytes(content)
    with KeyRing.open_copy(tmp_path / "ring.db", tmp_path / "keys", local.clock) as old:
        report = proof(local, tmp_path / "kept.db", old)
    assert {**EXPECTED, "expired": (5, 5)} == counted(report)
    with pytest.raises(ErasureBroken):
        report.require()


def test_the_proof_fails_before_the_purge(local: Deployment) -> None:
    """Expired and not purged is unreadable for everybody and not yet irreversible; it says so."""
    begin(local)
    local.clock.advance(3600)
    report = proof(local, local.directory / "gatehouse.db")
    assert (8, 8) == counted(report)["expired"]
    with pytest.raises(ErasureBroken, match="still be opened"):
        report.require()


def test_a_damaged_backup_is_not_called_erased(local: Deployment, tmp_path: Path) -> None:
    """A living conversation that does not open is a failure of its own."""
    begin(local)
    local.execute(records.update().values(envelope=b"x" * 200))
    with pytest.raises(LiveUnreadable):
        proof(local, local.directory / "gatehouse.db").require()


def test_a_dump_is_never_executed(tmp_path: Path) -> None:
    """Commands in a script are read over; rows are taken as data."""
    script = tmp_path / "dump.sql"
    script.write_text(
        f"\\! touch {tmp_path}/executed\nDROP TABLE gh_records;\n"
        "COPY public.gh_conversations (head, handle, name, tag_day, expires_at, tag) FROM stdin;\n"
        "\\\\x00ff\th-1\t\\\\x61\t20468\t1800000000.5\t\\N\n\\.\n"
        "COPY public.gh_records (handle, sequence, envelope) FROM stdin;\n"
        "h-1\t2\t\\\\x02\nh-1\t1\t\\\\x01\n\\.\n"
    )
    with open_backup(str(script)) as backup:
        (row,) = backup.rows()
    assert ("h-1", 20468, b"a", 1800000000.5, b"\x00\xff") == (
        row.handle, row.tag_day, row.name, row.expires_at, row.head,
    )  # fmt: skip
    assert [(1, b"\x01"), (2, b"\x02")] == row.records
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no backup with conversations"),
        (b"hello\n", "no backup with conversations"),
        (b"PGDMP\x01\x0e", "cannot read this archive"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"SQLite format 3\0" + bytes(84), "conversations"),
        (b"COPY gh_records (handle) FROM stdin;\n", "lacks a column"),
        (b"COPY gh_records (handle, sequence, envelope) FROM stdin;\nx\t1\t\\\\x00\n", "cut off"),
        (
            b"COPY gh_records (handle, sequence, envelope) FROM stdin;\nx\t1\n\\.\n",
            "cannot be read",
        ),
        (b"COPY gh_records (handle, sequence, envelope) FROM stdin;\nx\ty\tz\n\\.\n", "a value"),
    ],
)
def test_what_is_no_backup_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    """Any other file is refused in words; an unreadable backup is never an empty one."""
    path = tmp_path / "backup"
    path.write_bytes(content)
    with pytest.raises(Exception, match=words) as refused, open_backup(str(path)) as backup:
        list(backup.rows())
    assert "Gatehouse" in str(type(refused.value).__mro__)


def test_a_directory_or_nothing_is_refused(tmp_path: Path) -> None:
    """A base backup has to be started; a path that is not there is said to be so."""
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InvalidInput), open_backup(str(path)):
            pass


def test_a_sqlite_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """The audit log is no backup of conversations."""
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE gh_audit (sequence)")
        other.commit()
    with pytest.raises(InvalidInput, match="no table"), open_backup(str(tmp_path / "other.db")):
        pass
