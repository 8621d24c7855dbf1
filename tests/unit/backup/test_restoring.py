"""A restore brings back what lived, nothing that is over, and opens nothing that was shut since."""

from __future__ import annotations

import errno
import gc
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa

from gatehouse.audit import verify
from gatehouse.backup.errors import (
    BackupDamaged,
    BackupForeign,
    BackupKeyMissing,
    BackupNewer,
)
from gatehouse.backup.full import is_full
from gatehouse.db import open_engine
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.identity import SessionEnded
from gatehouse.migrations import MAIN, History, current, upgrade
from gatehouse.runtime import open_runtime
from gatehouse.stepup import CodeRefused
from gatehouse.stepup.throttle import CodeThrottle, Counter
from gatehouse.tracker import backups
from gatehouse.tracker.backups import Row
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.proof import Prover
from gatehouse.webhooks.incoming import ReceiverRefused
from tests.unit.backup.conftest import Desk

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_what_is_over_does_not_come_back(any_desk: Desk) -> None:
    """Of four conversations one lives on: the expired, the ended and the erased are not even rows."""
    desk = any_desk
    erin, marco = desk.person(), desk.person("marco")
    for who, name in ((erin, "expires"), (marco, "lives"), (marco, "ended"), (erin, "erased")):
        if name == "lives":
            desk.clock.advance(3600)
        desk.talk(who, name)
    desk.backup()
    desk.runtime.conversations.request_end("ended")
    desk.runtime.conversations.carry_out("ended")
    desk.runtime.rights.erase(erin.id)
    desk.lose("main")
    done = desk.restore()
    assert (1, 3) == (done.scrubbed.kept, done.scrubbed.conversations)
    assert (1, 1) == (
        done.proof.classes["live"].conversations,
        done.proof.classes["live"].opened,
    )
    desk.reopen()
    assert 1 == desk.count("gh_conversations") == desk.count("gh_records")
    assert 1 == len(desk.runtime.conversations.summary(marco.id))
    assert () == desk.runtime.conversations.summary(erin.id)


def test_expired_in_the_meantime(desk: Desk) -> None:
    """What expired after the backup is not restored, purged or not."""
    desk.talk(desk.person(), "c")
    desk.backup()
    desk.clock.advance(desk.settings.retention.ttl + 1)
    desk.lose("main")
    done = desk.restore()
    assert (0, 1) == (done.scrubbed.kept, done.scrubbed.conversations)


def test_nobody_stays_signed_in(any_desk: Desk) -> None:
    """Sessions of before end with a restore, and so do requests that waited."""
    desk = any_desk
    erin = desk.person()
    token, _ = desk.runtime.sessions.open(erin)
    assert desk.runtime.sessions.resolve(token)
    desk.backup()
    desk.lose("main")
    desk.restore()
    desk.reopen()
    with pytest.raises(SessionEnded):
        desk.runtime.sessions.resolve(token)
    assert 0 == desk.count("gh_sessions") == desk.count("gh_step_up_challenges")


def test_a_used_code_stays_used(any_desk: Desk) -> None:
    """A code that was used after the backup is not good again within its half minute."""
    desk = any_desk
    erin = desk.person()
    desk.runtime.totp.set_demo_secret(erin.id, SEED)
    desk.backup()
    code = pyotp.TOTP(SEED).at(int(desk.clock.now()))
    desk.runtime.totp.verify(erin.id, code)
    desk.lose("main")
    done = desk.restore()
    assert 1 == done.scrubbed.counters
    desk.reopen()
    with pytest.raises(CodeRefused) as refused:
        desk.runtime.totp.verify(erin.id, code)
    assert "replayed" == refused.value.reason
    desk.clock.advance(30)
    desk.runtime.totp.verify(erin.id, pyotp.TOTP(SEED).at(int(desk.clock.now())))


def test_a_restore_gives_no_tries_back(desk: Desk) -> None:
    """Wrong codes that the log saw since the backup are counted again, and leave the owner a share."""
    erin = desk.person()
    desk.runtime.totp.set_demo_secret(erin.id, SEED)
    desk.backup()
    for number in range(200):
        desk.runtime.audit.append(
            "step_up_failed", person=erin.id, reason="wrong", attempts_left=number
        )
    desk.lose("main")
    desk.restore()
    with desk.reopen().engine.begin() as connection:
        throttle = CodeThrottle(desk.clock)
        (account,) = connection.execute(sa.text("SELECT account FROM gh_factor_accounts")).one()
        assert throttle.check(connection, Counter(account, known=False)).locked
        assert not throttle.check(connection, Counter(account, known=True)).locked


def test_recovery_codes_are_void_when_no_log_tells(desk: Desk) -> None:
    """They may have been used since; with a log that survived, only those of whom it says so."""
    erin = desk.person()
    codes = desk.runtime.recovery.issue(erin.id)
    desk.backup()
    desk.lose("main")
    assert 0 == desk.restore().scrubbed.recovery_codes
    desk.reopen()
    desk.lose("main", "audit")
    desk.own_up()
    assert len(codes) == desk.restore(accounts="open").scrubbed.recovery_codes


def test_accounts_that_changed_since_are_closed(any_desk: Desk) -> None:
    """A leaver, a lost role, a new password: the log tells, and the account is shut until looked at."""
    desk = any_desk
    left, same = desk.person("left"), desk.person("same")
    desk.backup()
    desk.runtime.audit.append("administration", operation="people.disable", person=left.id)
    desk.runtime.directory.disable(left.id)
    desk.runtime.audit.append("sign_in", person=same.id)
    desk.runtime.audit.append("administration", operation="people.added", person="p-unknown")
    desk.lose("main")
    done = desk.restore()
    assert {"left": ("people.disable",)} == done.scrubbed.accounts_closed
    assert done.since is not None and 1 == done.since.added
    desk.reopen()
    found = {person.username: person.disabled for person in desk.runtime.directory.people()}
    assert {"left": True, "same": False} == found


def test_without_a_log_somebody_has_to_decide(desk: Desk) -> None:
    """When the log is lost too, nothing is restored until it is said what becomes of accounts."""
    desk.person()
    desk.backup()
    desk.lose("main", "audit")
    before = desk.files()
    with pytest.raises(NotReady, match="which accounts changed"):
        desk.restore()
    assert before == desk.files()
    desk.own_up()
    assert {"erin": ()} == desk.restore(accounts="closed").scrubbed.accounts_closed


def test_a_lost_end_of_the_log_is_owned_up_to(any_desk: Desk) -> None:
    """A log that is shorter than its anchor knows is not passed off as whole; under a new name it
    goes on, says what was restored, and verifies."""
    desk = any_desk
    desk.person()
    desk.backup()
    desk.runtime.checkpoints.make()
    desk.lose("main", "audit")
    before = desk.files()
    with pytest.raises(NotReady, match="lacks its end"):
        desk.restore(accounts="open")
    assert before == desk.files()
    desk.own_up()
    done = desk.restore(accounts="open")
    assert done.since is None
    runtime = desk.reopen()
    runtime.checkpoints.require_whole()
    runtime.checkpoints.make()
    last = list(runtime.audit.entries())[-1].facts()
    assert ("backup_restored", False) == (last["kind"], last["log_survived"])
    assert runtime.audit.size() == verify(runtime.audit, trust=runtime.checkpoints.trust).entries


def test_a_log_with_a_gap_tells_nobody_apart(desk: Desk) -> None:
    """A log that came out of a backup once does not know what happened before: somebody decides."""
    erin, omar = desk.person(), desk.person("omar")
    made = desk.backup()
    desk.runtime.directory.disable(omar.id)
    desk.lose("main", "audit", "records")
    desk.own_up()
    desk.restore(made.id, accounts="closed")
    desk.reopen().directory.enable(erin.id)
    desk.lose("main", "records")
    with pytest.raises(NotReady, match="came out of a backup"):
        desk.restore(made.id)
    closed = desk.restore(made.id, accounts="closed").scrubbed.accounts_closed
    assert {"erin", "omar"} == set(closed)


def test_all_files_get_their_names_or_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure at the very end leaves no restored log that would be taken for one that survived."""
    made = desk.backup()
    desk.lose("main", "audit")
    before = desk.files()

    def replace(source: Path, target: Path) -> None:
        if target.name == "gatehouse.db":
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    rename = os.rename
    monkeypatch.setattr(os, "replace", replace)
    desk.own_up()
    with pytest.raises(NotReady, match="a disk is full"):
        desk.restore(made.id, accounts="closed")
    monkeypatch.undo()
    assert [] == [name for name in desk.files() - before if ".db" in name]
    desk.restore(made.id, accounts="closed")


def test_a_log_that_survived_goes_on(desk: Desk) -> None:
    """It is not replaced, it tells of the time since, and the restore is written into it."""
    desk.backup()
    desk.runtime.audit.append("stop")
    before = desk.runtime.audit.size()
    desk.lose("main")
    done = desk.restore()
    assert "audit" not in done.parts and done.since is not None
    desk.reopen()
    assert before + 1 == desk.runtime.audit.size()


def test_nothing_is_put_over_data(any_desk: Desk) -> None:
    """A place that holds anything is left alone."""
    any_desk.person()
    made = any_desk.backup()
    any_desk.runtime.close()
    before = any_desk.files()
    with pytest.raises(InvalidInput, match="not empty"):
        any_desk.restore(made.id)
    assert before == any_desk.files()


def test_what_a_command_made_since_the_loss_is_no_data(any_desk: Desk) -> None:
    """Every command makes the tables that it lacks; without a row they are in nobody's way. A lost
    file is missed first, as long as the log is there."""
    any_desk.person()
    made = any_desk.backup()
    any_desk.lose("main")
    if not any_desk.urls:
        with pytest.raises(NotReady, match="the database is gone"):
            any_desk.reopen()
        (any_desk.home / "var" / "gatehouse.db").touch(mode=0o600)
    any_desk.reopen()
    assert 0 == any_desk.count("gh_people")
    any_desk.runtime.close()
    any_desk.restore(made.id)
    any_desk.reopen()
    assert 1 == any_desk.count("gh_people")


def test_a_forgotten_write_ahead_log_is_not_mixed_in(desk: Desk) -> None:
    """A -wal file of another database would be applied to the restored one."""
    desk.backup()
    desk.lose("main")
    (desk.home / "var" / "gatehouse.db-wal").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="without its database"):
        desk.restore()


def _last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _exchange(path: Path) -> None:
    path.write_bytes(path.with_name("main.sealed").read_bytes())


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "altered": ("audit.sealed", _last_byte),
    "truncated": ("main.sealed", _cut),
    "missing": ("files.sealed", Path.unlink),
    "exchanged": ("audit.sealed", _exchange),
    "manifest altered": ("manifest", _last_byte),
    "manifest cut": ("manifest", _cut),
    "manifest empty": ("manifest", lambda path: path.write_bytes(b"")),
}


def test_a_damaged_backup_changes_nothing(desk: Desk) -> None:
    """Altered, cut, missing, exchanged: each is found before a byte is written."""
    made = desk.backup()
    desk.lose("main", "audit")
    desk.own_up()
    before = desk.files()
    for name, (file, damage) in DAMAGES.items():
        path = desk.place / made.id / file
        good = path.read_bytes()
        damage(path)
        with pytest.raises(BackupDamaged):
            desk.restore(made.id, accounts="open")
        assert before == desk.files(), name
        path.write_bytes(good)
    desk.restore(made.id, accounts="open")


def test_a_full_disk_leaves_nothing_half_written(desk: Desk) -> None:
    """Wherever it becomes full: it is said as what it is, and what was there is as it was."""
    erin = desk.person()
    for number in range(20):
        desk.talk(erin, f"c{number}", "my words " * 500)
    made = desk.backup()
    desk.lose("main", "records")
    before = desk.files()
    part = made.part("main")
    assert part is not None
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (50_000, part.plain_size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))
        try:
            with pytest.raises(NotReady, match="a disk is full"):
                desk.restore(made.id)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert before == desk.files()
    assert 20 == desk.restore(made.id).scrubbed.kept


def test_a_full_disk_is_known_by_its_cause() -> None:
    """Whichever of them noticed it, and whatever was made of that since."""
    full = OSError(errno.ENOSPC, "No space left on device")
    for cause, expected in ((full, True), (OSError(errno.EACCES, "no"), False), (None, False)):
        try:
            try:
                raise NotReady("the conversations cannot be reached") from cause
            except NotReady as error:
                raise InvalidInput("something else") from error
        except InvalidInput as error:
            assert expected == is_full(error)
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("INSERT INTO t VALUES (randomblob(90000))")
    assert is_full(caught.value)


def test_a_backup_under_another_name_is_refused(desk: Desk) -> None:
    """A genuine backup that somebody gave the name of a newer one is not taken for it."""
    made = desk.backup()
    later = f"20990101T000000Z-{made.id[-8:]}"
    (desk.place / made.id).rename(desk.place / later)
    with pytest.raises(BackupDamaged, match="another backup"):
        desk.shelf.manifest(later)


def test_another_deployment_cannot_open_it(desk: Desk, tmp_path: Path) -> None:
    """A foreign backup is refused by its signature, before any key is tried."""
    made = desk.backup()
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", {}, own_keys=True)
    (other.home / "gatehouse.toml").write_text(f'[backup]\ntarget = "{desk.place}"\n')
    other.lose("main", "audit")
    with pytest.raises(BackupForeign):
        other.restore(made.id, accounts="open")


def test_without_its_key_nothing_opens(desk: Desk) -> None:
    """A key that is gone ends every copy of the backup, and says so."""
    made = desk.backup()
    desk.runtime.ring.destroy([made.key_name])
    desk.lose("main")
    with pytest.raises(BackupKeyMissing):
        desk.restore(made.id)
    assert not (desk.home / "var" / "gatehouse.db").exists()


def test_it_opens_after_many_generations_of_the_root(desk: Desk) -> None:
    """Its key moves with the ring from root to root: old backups open, old copies of the ring do not."""
    desk.talk(desk.person(), "c")
    made = desk.backup()
    for _ in range(3):
        desk.runtime.ring.rotate()
    desk.lose("main")
    assert 1 == desk.restore(made.id).proof.classes["live"].opened


def test_the_proof_holds_few_conversations_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of those that were tried are let go: memory does not grow with the database."""
    erin = desk.person()
    for number in range(12):
        desk.talk(erin, f"c{number}")
    made, most = desk.backup(), 0
    monkeypatch.setattr(backups, "_BATCH", 2)
    opens = Prover._opens

    def counted(*given: Any, **more: Any) -> bool:
        nonlocal most
        most = max(most, sum(type(o) is Row and bool(o.records) for o in gc.get_objects()))
        return opens(*given, **more)

    monkeypatch.setattr(Prover, "_opens", counted)
    desk.lose("main")
    assert 12 == desk.restore(made.id).proof.classes["live"].opened
    assert 1 <= most <= 3


def test_an_older_database_is_migrated(desk: Desk, tmp_path: Path) -> None:
    """A backup of an earlier revision is brought up to this one before it is used."""
    desk.runtime.close()
    (desk.home / "var" / "gatehouse.db").write_bytes(b"")  # another file would be refused
    (tmp_path / "until-8").mkdir()
    for path in MAIN.folder.glob("r000[1-8]_*.py"):
        shutil.copy(path, tmp_path / "until-8")
    upgrade(desk.runtime.engine, History(tmp_path / "until-8", MAIN.table))
    made = desk.backup()
    assert "0008" == made.migration
    desk.lose("main")
    desk.restore(made.id)
    assert MAIN.head() == current(desk.reopen().engine)


def test_a_backup_of_a_newer_database_is_refused(desk: Desk) -> None:
    """What a later version made is not worked on, and nothing is written."""
    with desk.runtime.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {MAIN.table} SET version_num = '9999'")
    made = desk.backup()
    desk.lose("main")
    with pytest.raises(BackupNewer, match="9999"):
        desk.restore(made.id)
    assert not (desk.home / "var" / "gatehouse.db").exists()


def test_a_role_that_may_not_make_tables_is_told(postgres_desk: Desk) -> None:
    """The role of the server may not on purpose; whose turn it is is said, and nothing is left."""
    desk = postgres_desk
    made = desk.backup()
    desk.lose("main", "audit", "records")
    owner = open_engine(desk.urls["database"])
    url = owner.url.set(username="restorer", password="plums")
    schema = str(url.query["options"]).rpartition("=")[2]
    with owner.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE restorer LOGIN PASSWORD 'plums'")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO restorer")
    lines = (desk.home / "gatehouse.toml").read_text()
    theirs = lines.replace(desk.urls["database"], url.render_as_string(hide_password=False))
    (desk.home / "gatehouse.toml").write_text(theirs)
    with pytest.raises(NotReady, match="may not make tables"):
        desk.restore(made.id, accounts="closed")
    (desk.home / "gatehouse.toml").write_text(lines)
    desk.own_up()
    desk.restore(made.id, accounts="closed")
    with owner.begin() as connection:
        connection.exec_driver_sql(f"REVOKE ALL ON SCHEMA {schema} FROM restorer")
        connection.exec_driver_sql("DROP ROLE restorer")
    owner.dispose()


def test_an_interrupted_restore_is_never_used(postgres_desk: Desk) -> None:
    """PostgreSQL: a database in which a restore was cut off is opened by nobody and said to be so."""
    desk = postgres_desk
    made = desk.backup()
    desk.runtime.close()
    engine = open_engine(desk.urls["database"])
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE gh_restoring (since text)")
    with pytest.raises(NotReady, match="cut off"):
        open_runtime(desk.home, desk.clock)
    with pytest.raises(NotReady, match="cut off"):
        desk.restore(made.id, accounts="open")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE gh_restoring")
    upgrade(engine)
    engine.dispose()


def test_a_killed_restore_leaves_nothing_that_is_used(desk: Desk) -> None:
    """SIGKILL before the end: no database has its name yet, and the next run goes through."""
    desk.talk(desk.person(), "c")
    made = desk.backup()
    desk.lose("main")
    command = [sys.executable, "-c", _KILLED, str(desk.home), made.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and "half" == process.stdout.readline().strip()
        process.kill()
    assert not (desk.home / "var" / "gatehouse.db").exists()
    assert (desk.home / "var" / "gatehouse.db.restoring").exists()
    assert 1 == desk.restore(made.id).scrubbed.kept
    assert not (desk.home / "var" / "gatehouse.db.restoring").exists()


_KILLED = """
import sys, time
from pathlib import Path
from gatehouse.backup.restoring import restore
from gatehouse.backup.targets import open_target
from gatehouse.clock import SettableClock
from gatehouse.keys.opening import open_ring
from gatehouse.settings import load_settings
settings, clock = load_settings(Path(sys.argv[1]), {}), SettableClock()
def half(part, done):
    if part == "files":
        print("half", flush=True)
        time.sleep(600)
restore(settings, clock, open_ring(settings, clock), open_target(settings), sys.argv[2], half)
"""


def test_a_hold_that_ended_since_is_over(desk: Desk) -> None:
    """A legal hold that was released after the backup is not in force again, and what it held goes."""
    erin, first, second = desk.person(), desk.person("first"), desk.person("second")
    desk.talk(erin, "c")
    holds: Holds = desk.runtime.holds
    hold = holds.approve(holds.propose(erin.id, first.id, "case 1").id, second.id)
    kept = holds.approve(holds.propose(erin.id, first.id, "case 2").id, second.id)
    desk.backup()
    holds.release(hold.id, first.id)
    desk.lose("main")
    assert 1 == desk.restore().scrubbed.holds
    desk.reopen()
    found = {one.id: one.state for one in desk.runtime.holds.all()}
    assert {hold.id: "lapsed", kept.id: "active"} == found
    assert 1 == len(desk.runtime.holds.read(kept.id, first.id))


def test_a_held_conversation_comes_back_to_its_holders_only(desk: Desk) -> None:
    """One that was erased and is held: closed for everybody, readable for the two."""
    erin, first, second = desk.person(), desk.person("first"), desk.person("second")
    desk.talk(erin, "c")
    hold = desk.runtime.holds.propose(erin.id, first.id, "case 1")
    desk.runtime.holds.approve(hold.id, second.id)
    desk.backup()
    desk.runtime.rights.erase(erin.id)
    desk.lose("main")
    desk.restore()
    desk.reopen()
    assert () == desk.runtime.conversations.summary(erin.id)
    assert 1 == len(desk.runtime.holds.read(hold.id, second.id))


def test_policy_edits_have_to_be_proposed_again(desk: Desk) -> None:
    """An approval that waited in the backup may have been refused since."""
    desk.runtime.approvals.offer("a" * 64, None, "widens")
    desk.backup()
    desk.lose("main")
    assert 1 == desk.restore().scrubbed.policy_edits
    desk.reopen()
    assert () == desk.runtime.approvals.waiting(None)


def test_policies_come_back_only_where_there_are_none(desk: Desk) -> None:
    """Policies that are there were edited since, perhaps to close something."""
    made = desk.backup()
    edited = desk.home / "policies" / "intents.yml"
    edited.write_text(edited.read_text() + "# edited since\n")
    desk.lose("main")
    assert () == desk.restore(made.id).files
    assert "edited since" in edited.read_text()
    original = {p.name: p.read_bytes() for p in (desk.home / "policies").glob("*.yml")}
    for path in sorted((desk.home / "policies").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (desk.home / "var" / "gatehouse.db").unlink()
    done = desk.restore(made.id)
    assert [str(desk.home / "policies")] == list(done.files)
    assert original.keys() == {p.name for p in (desk.home / "policies").glob("*.yml")}


def test_what_moved_on_is_refused_and_not_lost(desk: Desk) -> None:
    """A conversation that went on after the backup is there as it was then, and is never taken for
    the present one."""
    erin = desk.person()
    desk.talk(erin, "c")
    desk.backup()
    desk.clock.advance(5)
    desk.talk(erin, "c", "later words")
    desk.lose("main")
    assert 1 == desk.restore().scrubbed.kept
    desk.reopen()
    with pytest.raises(GatehouseError):
        desk.talk(erin, "c", "again")


def test_messages_from_before_a_restore_are_refused(desk: Desk) -> None:
    """A message of another system that acted since the backup does not act again."""
    desk.backup()
    desk.lose("main")
    desk.restore()
    receiver = desk.reopen().receiver
    receiver._require_after_restore(int(desk.clock.now()) + 1)
    with pytest.raises(ReceiverRefused):
        receiver._require_after_restore(int(desk.clock.now()))
    desk.clock.advance(3600)
    receiver.prune()
    receiver._require_after_restore(0)


def test_a_kept_root_is_found_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When something that is over still opens, the restore fails and changes nothing."""
    desk.talk(desk.person(), "c")
    desk.backup()
    desk.runtime.conversations.request_end("c")
    desk.runtime.conversations.carry_out("c")
    desk.lose("main")
    monkeypatch.setattr(Prover, "_opens_at_all", lambda *_given: True)
    with pytest.raises(GatehouseError, match="can still be opened"):
        desk.restore()
    assert not (desk.home / "var" / "gatehouse.db").exists()
