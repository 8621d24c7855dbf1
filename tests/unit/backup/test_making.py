"""A backup is made while serving, is read back before it counts, and never holds a key."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from gatehouse.backup import status
from gatehouse.backup.errors import BackupBusy, BackupDamaged, BackupForeign, TargetUnavailable
from gatehouse.backup.files import without_passwords
from gatehouse.backup.making import make_backup
from gatehouse.backup.manifest import ID
from gatehouse.backup.postgres import environment
from gatehouse.backup.sealing import Writable
from gatehouse.backup.status import read_status
from gatehouse.backup.tables import LEFT_OUT
from gatehouse.backup.targets import open_target
from gatehouse.backup.targets.directory import DirectoryTarget
from gatehouse.errors import InvalidInput, NotReady, Unavailable
from tests.unit.backup.conftest import Desk, silent
from tests.unit.kernel.test_migrations import schemas

KEPT = {
    "gh_authenticators",
    "gh_factor_accounts",
    "gh_front_end_keys",
    "gh_front_ends",
    "gh_code_throttle",
    "gh_conversation_state",
    "gh_conversations",
    "gh_holds",
    "gh_people",
    "gh_policy_edits",
    "gh_policy_in_force",
    "gh_provider_links",
    "gh_records",
    "gh_recovery_codes",
    "gh_sign_in_throttle",
    "gh_snapshots",
    "gh_wrong_codes",
}
"""Tables whose rows come back, each thought about: see gatehouse/backup/scrub.py."""


def test_every_table_says_whether_it_comes_back() -> None:
    """A new table has to be thought about: would a row that comes back undo something?"""
    tables = {table for metadata in schemas() for table in metadata.tables}
    assert KEPT | LEFT_OUT.keys() == tables


def test_a_backup_is_sealed_and_complete(any_desk: Desk) -> None:
    """Every database and the policies; nothing of it readable, no key, no root, no password."""
    erin = any_desk.person()
    any_desk.talk(erin, "c", "marked words")
    made = any_desk.backup()
    assert ["main", "audit", "files"] == [p.name for p in made.parts if p.name != "records"]
    assert ID.fullmatch(made.id) and made.audit_entries <= any_desk.runtime.audit.size()
    any_desk.shelf.verify(made, silent)
    everything = b"".join(path.read_bytes() for path in any_desk.place.rglob("*") if path.is_file())
    ring = any_desk.runtime.ring
    for secret in (b"erin", b"marked words", b"gh_people", b"utter_refused", *ring.every_key(),
                   ring.service_key("audit"), ring.find_kept(made.key_name)):  # fmt: skip
        assert secret and secret not in everything
    root = next((any_desk.home / "var" / "keys").glob("root-*.key")).read_bytes()
    assert root[-64:-32] not in everything
    assert {0o600} == {p.stat().st_mode & 0o777 for p in any_desk.place.rglob("*") if p.is_file()}


def test_the_ring_is_in_no_part(postgres_desk: Desk) -> None:
    """Not even when it lies in tables beside the conversations."""
    with postgres_desk.runtime.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE gh_ring_top (secret text)")
        connection.exec_driver_sql("INSERT INTO gh_ring_top VALUES ('marked ring')")
    made = postgres_desk.backup()
    part = made.part("main")
    assert part is not None
    content = b"".join(postgres_desk.shelf.content(made, part, silent))
    assert b"gh_conversations" in content and b"gh_ring" not in content


def test_sessions_are_in_no_backup(desk: Desk) -> None:
    """Who was signed in when is in none, not even as what a deleted row leaves behind."""
    erin = desk.person()
    desk.runtime.sessions.open(erin)
    assert 1 == desk.count("gh_sessions")
    made = desk.backup()
    part = made.part("main")
    assert part is not None
    content = b"".join(desk.shelf.content(made, part, silent))
    with desk.runtime.engine.connect() as connection:
        (token,) = connection.execute(sa.text("SELECT token_hash FROM gh_sessions")).one()
    assert token.encode() not in content and b"erin" in content
    assert 1 == desk.count("gh_sessions")


def test_a_backup_while_others_write(desk: Desk) -> None:
    """Each database is of one moment, and the log is never behind what it explains."""
    erin = desk.person()
    for number in range(8):
        desk.talk(erin, f"c{number}")
    with _running(_WRITER, desk.home / "var" / "gatehouse.db") as first_line:
        assert "writing" == first_line
        made = desk.backup()
    desk.lose("main")
    done = desk.restore(made.id)
    assert 8 == done.scrubbed.kept == done.proof.classes["live"].opened
    desk.reopen()
    assert 0 == desk.count("pair_a") - desk.count("pair_b")


@contextmanager
def _running(script: str, *arguments: Path) -> Iterator[str]:
    """The first line that another process says; it is killed at the end of the block."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


_WRITER = """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=120)
c.execute("CREATE TABLE pair_a (x)")
c.execute("CREATE TABLE pair_b (x)")
print("writing", flush=True)
for number in range(10**9):
    c.execute("BEGIN IMMEDIATE")
    c.execute("INSERT INTO pair_a VALUES (randomblob(500))")
    c.execute("INSERT INTO pair_b VALUES (randomblob(500))")
    c.execute("COMMIT")
    time.sleep(0.005)
"""


def test_a_place_has_to_be_begun(desk: Desk) -> None:
    """An empty directory may be a volume that is not mounted."""
    with pytest.raises(NotReady, match="no backups of ours"):
        desk.backup(new=False)
    assert [] == list(desk.place.iterdir())
    desk.backup()
    desk.place.rename(desk.place.with_name("away"))
    for new in (False, True):
        with pytest.raises(TargetUnavailable, match="cannot be used"):
            desk.backup(new=new)
    assert "cannot be used" in str(read_status(desk.settings).last_error)


def test_two_deployments_do_not_share_a_place(desk: Desk, tmp_path: Path) -> None:
    """A place belongs to one, and what another made there is refused and not touched."""
    made = desk.backup()
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", {}, own_keys=True)
    target = open_target(desk.settings)
    with pytest.raises(BackupForeign):
        make_backup(other.runtime, target, silent, new=True)
    for path in (other.place, other.place / made.id):
        path.mkdir(exist_ok=True)
    other.backup()
    for path in (desk.place / made.id).iterdir():
        (other.place / made.id / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BackupForeign, match="another deployment"):
        other.shelf.manifest(made.id)
    other.runtime.close()


def test_one_at_a_time(desk: Desk) -> None:
    """A second run is turned away, does not wait, and is not counted as a failure."""
    with status.alone(desk.settings), pytest.raises(BackupBusy):
        desk.backup()
    assert read_status(desk.settings).last_error is None


class _Full(DirectoryTarget):
    """A directory whose volume has room for 100 000 bytes."""

    room = 100_000

    @contextmanager
    def writing(self, name: str) -> Iterator[Writable]:
        with super().writing(name) as file:
            yield SimpleNamespace(write=lambda data: self._write(file, data))

    def _write(self, file: Writable, data: bytes) -> None:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        file.write(data)


def test_a_full_place_leaves_nothing(desk: Desk) -> None:
    """Whatever was written is removed, its key dies, the failure is recorded and said."""
    desk.backup()
    before, keys = sorted(desk.place.rglob("*")), desk.runtime.ring.status().kept
    with pytest.raises(TargetUnavailable, match="is full"):
        make_backup(desk.runtime, _Full(desk.place), silent)
    assert before == sorted(desk.place.rglob("*"))
    assert keys == desk.runtime.ring.status().kept
    last = list(desk.runtime.audit.entries())[-1].facts()
    assert ("backup", "failed") == (last["kind"], last["operation"])
    assert "is full" in str(read_status(desk.settings).last_error)
    desk.backup()
    assert read_status(desk.settings).last_error is None


def test_no_room_for_the_copy_leaves_nothing(desk: Desk) -> None:
    """When it is the disk of the databases that is full, neither place keeps a piece."""
    desk.backup()
    before = sorted(desk.place.rglob("*"))
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(Unavailable):
            desk.backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert before == sorted(desk.place.rglob("*"))
    assert [] == list((desk.home / "var" / "backup").glob("scratch-*"))


def test_what_does_not_read_back_is_no_backup(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that answers with something else than was written is found out at once."""
    desk.backup()
    target = open_target(desk.settings)

    def flip(part: str, _done: int) -> None:
        if part == "check main":
            return
        for path in desk.place.rglob("audit.sealed"):
            if path.parent.name != first:
                path.write_bytes(path.read_bytes()[:-1] + b"\0")

    first = desk.shelf.ids()[0]
    with pytest.raises(BackupDamaged):
        make_backup(desk.runtime, target, flip)
    assert [first] == desk.shelf.ids()


def test_a_killed_run_is_no_backup(desk: Desk) -> None:
    """SIGKILL in the middle: what it left is listed nowhere and removed by the next run."""
    desk.backup()
    (first,) = desk.shelf.ids()
    desk.runtime.close()
    with _running(_KILLED, desk.home) as first_line:
        assert "half" == first_line
    desk.reopen()
    left = [path for path in desk.place.rglob("*") if path.is_file() and first not in path.parts]
    assert any("unfinished" in path.name for path in left)
    assert [first] == desk.shelf.ids()
    desk.clock.advance(60)
    desk.backup()
    assert 2 == len(desk.shelf.ids())
    assert [] == [path for path in desk.place.rglob("*") if "unfinished" in path.name]


_KILLED = """
import sys, time
from pathlib import Path
from gatehouse.backup.making import make_backup
from gatehouse.backup.targets import open_target
from gatehouse.backup.targets.directory import DirectoryTarget
from gatehouse.clock import SettableClock
from gatehouse.runtime import open_runtime
runtime = open_runtime(Path(sys.argv[1]), SettableClock())
def half(part, done):
    if part == "audit":
        print("half", flush=True)
        time.sleep(600)
make_backup(runtime, open_target(runtime.settings), half)
"""


def test_a_backup_is_recorded(desk: Desk) -> None:
    """In the log without a name, and in the status that the doctor reads."""
    made = desk.backup()
    last = list(desk.runtime.audit.entries())[-1].facts()
    assert ("backup", "made", made.id) == (last["kind"], last["operation"], last["backup"])
    found = read_status(desk.settings)
    assert (made.id, made.made_at) == (found.last_backup_id, found.last_backup_at)
    assert found.same_volume is True


def test_secrets_stay_out_of_the_settings() -> None:
    """The password of a URL is left out, the rest is as it was."""
    text = 'url = "postgresql+psycopg2://desk:s3:c/r@t@db.example.org/desk" # note\nport = 5\n'
    found = without_passwords(text)
    assert "s3" not in found and "db.example.org/desk" in found and "port = 5" in found
    assert "plain = 1" == without_passwords("plain = 1")


def test_credentials_go_through_the_environment() -> None:
    """Every part of a URL has its variable; one that cannot be passed on is refused, not dropped."""
    found = environment("postgresql+psycopg2://a:b%40c@h:6/d?sslmode=verify-full&options=-cx")
    wanted = {"PGHOST": "h", "PGPORT": "6", "PGUSER": "a", "PGPASSWORD": "b@c", "PGDATABASE": "d",
              "PGSSLMODE": "verify-full", "PGOPTIONS": "-cx"}  # fmt: skip
    assert wanted == {name: value for name, value in found.items() if name in wanted}
    with pytest.raises(InvalidInput, match="bouncer"):
        environment("postgresql+psycopg2://h/d?bouncer=1")


def test_a_damaged_mark_is_told(desk: Desk) -> None:
    """A place whose mark cannot be read is not taken for an empty one."""
    desk.backup()
    (desk.place / "gatehouse-backups.json").write_text("{}")
    with pytest.raises(BackupDamaged):
        desk.backup(new=True)
