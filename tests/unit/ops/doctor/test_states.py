"""Databases, purge, log, rules, backups, demo, versions, model, disk: each fault is found."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import namedtuple
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import open_target
from gatehouse.clock import SettableClock
from gatehouse.keys.opening import open_ring
from gatehouse.ops.doctor.checks import disk, versions
from gatehouse.ops.model_state import fingerprint
from gatehouse.policy.domain import read_domain
from gatehouse.policy.status import DIRECTORY, status_of, write_status
from gatehouse.production import demo_marker
from gatehouse.runtime import open_runtime
from tests.unit.ops.doctor.conftest import PROJECT, Patient

MAIN = "var/gatehouse.db"
LOG = "var/audit.db"


def change(patient: Patient, database: str, *statements: str) -> None:
    connection = sqlite3.connect(patient.home / database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("revision", "expected"),
    [("0001", "database.older"), ("9999", "database.newer"), (None, "database.empty")],
)
def test_revisions(patient: Patient, revision: str | None, expected: str) -> None:
    """Older is brought up at the next start, newer and empty are faults."""
    assert [] == patient.ids("database")
    if revision is None:
        change(patient, MAIN, "DROP TABLE gh_schema_version")
    else:
        change(patient, MAIN, f"UPDATE gh_schema_version SET version_num = '{revision}'")
    assert [expected] == patient.ids("database")


def test_a_database_that_is_not_there(patient: Patient) -> None:
    """It is named; what needs it is not checked instead of good. Where the audit log says that
    there was one, nothing makes an empty one; else the command does."""
    for suffix in ("", "-wal", "-shm"):
        (patient.home / (MAIN + suffix)).unlink(missing_ok=True)
    assert "gatehouse backup restore" == patient.found("database.away").mend
    with pytest.raises(AssertionError, match="the database is gone"):
        patient.gatehouse("gatehouse init")
    for path in (patient.home / "var").glob("audit.db*"):
        path.rename(patient.home / path.name)
    found = next(f for f in patient.look("database") if f.what.startswith("database:"))
    assert ("purge.unchecked", "gatehouse init") == (
        patient.look("purge")[0].id,
        patient.look("purge")[0].mend,
    )
    patient.gatehouse(found.mend)
    assert [] == patient.ids("database")


def test_a_log_that_is_gone(patient: Patient) -> None:
    """After the first start no command begins another one in its place: it would verify."""
    log = patient.home / "var/audit.db"
    runtime = open_runtime(patient.home)
    runtime.record_start()
    runtime.close()
    for path in log.parent.glob("audit.db*"):
        path.rename(patient.home / path.name)
    found = patient.look("audit")[0]
    assert "audit.unchecked" == found.id
    assert found.mend.startswith(f"put {log} back")
    for command in ("gatehouse init", "gatehouse audit verify"):
        with pytest.raises(AssertionError, match="the audit log is gone"):
            patient.gatehouse(command)
        assert not log.exists()
    patient.write('[audit]\norigin = "desk.example/after-the-loss"\n')  # owned up to
    patient.gatehouse("gatehouse init")
    assert log.exists()


def test_the_demonstrations_records(patient: Patient) -> None:
    """Their loss would look like an organisation without people; the command makes them anew."""
    assert [] == patient.ids("database")  # an own system of record is none of these databases
    demo_marker(patient.settings).touch()
    mend = patient.found("database.no_records").mend
    patient.gatehouse(mend)
    records = patient.home / "var/records.db"
    assert records.stat().st_size
    records.unlink()
    patient.gatehouse(mend)
    assert records.stat().st_size


def test_a_server_that_does_not_answer(patient: Patient) -> None:
    """It is said without the password of its address."""
    patient.environment = {
        "GATEHOUSE_DATABASE_URL": "postgresql+psycopg2://desk:hush-hush@127.0.0.1:1/x"
    }
    report = patient.report()
    away = {f.check for f in report.findings if f.level in ("bad", "unknown")}
    assert {"database", "roles", "purge", "demo"} <= away
    assert "hush-hush" not in json.dumps(report.as_json())


def test_a_damaged_file(patient: Patient) -> None:
    """Pages that are not what was written are an integrity failure."""
    change(patient, MAIN, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = patient.home / MAIN
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = os.urandom(4096 * 4)
    path.write_bytes(content)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    found = patient.found("database.damaged")
    assert found.altered and found.mend.endswith("aside/ && gatehouse backup restore")
    patient.shell(found.mend.removesuffix(" && gatehouse backup restore"))
    assert "database.away" in patient.ids("database")
    assert 4 <= patient.report().exit_code


def test_what_was_not_purged(patient: Patient) -> None:
    """Rows of the expired and ends that were not carried out are found; a purge removes them."""
    now = time.time()
    runtime = open_runtime(patient.home, SettableClock(now - 4000))
    runtime.conversations.started("c1", "p1")
    assert [] == patient.ids("purge")
    runtime.conversations.request_end("c1")
    runtime.close()
    assert ["purge.unfinished"] == patient.ids("purge")
    patient.gatehouse(patient.found("purge.unfinished").mend)
    assert [] == patient.ids("purge")
    runtime = open_runtime(patient.home, SettableClock(now - 86400 - 4000))
    runtime.conversations.started("c2", "p1")
    runtime.close()
    patient.gatehouse(patient.found("purge.late").mend)
    assert [] == patient.ids("purge")


def signed(patient: Patient, entries: int = 5) -> Path:
    """A log with `entries` more, signed and witnessed; the witness file."""
    runtime = open_runtime(patient.home)
    for _ in range(entries):
        runtime.audit.append("administration", operation="people.add")
    runtime.checkpoints.poll()
    runtime.close()
    return patient.home / "var/witness/audit.jsonl"


def test_a_log_that_can_be_rewritten(patient: Patient) -> None:
    """A missing trigger is an integrity failure."""
    change(patient, LOG, "DROP TRIGGER gh_audit_no_delete")
    assert patient.found("audit.no_triggers").altered


def test_an_entry_that_is_missing(patient: Patient) -> None:
    """Also when the trigger that forbids it was put back."""
    signed(patient)
    database = sqlite3.connect(patient.home / LOG)
    name = "gh_audit_no_delete"
    sql = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    database.close()
    change(patient, LOG, f"DROP TRIGGER {name}", "DELETE FROM gh_audit WHERE sequence = 2", sql)
    assert patient.found("audit.holes").altered


def test_a_witness_that_knows_more_or_less(patient: Patient) -> None:
    """Less is behind or gone; more means that the log was put back."""
    patient.gatehouse("gatehouse audit checkpoint")
    witness = patient.home / "var/witness/audit.jsonl"
    assert ["audit.witness_near"] == patient.ids("audit")
    witness.rename(patient.home / "kept")  # what a volume that is not mounted looks like
    runtime = open_runtime(patient.home)
    runtime.audit.append("administration", operation="people.add")
    runtime.checkpoints.make()
    runtime.close()
    assert patient.found("audit.witness_gone").mend.startswith("findmnt")
    (patient.home / "kept").rename(witness)
    patient.gatehouse(patient.found("audit.witness_behind").mend)
    assert ["audit.witness_near"] == patient.ids("audit")
    new = witness.read_bytes()
    witness.write_bytes(b"not json\n")
    assert patient.found("audit.witness_damaged").altered
    note = json.loads(new.splitlines()[-1])
    name, _, rest = note["checkpoint"].split("\n", 2)
    note["checkpoint"] = f"{name}\n999\n{rest}"
    witness.write_text(json.dumps(note) + "\n")
    assert patient.found("audit.put_back").altered


def test_nobody_else_remembers_the_log(patient: Patient) -> None:
    """Without any witness whoever holds the database can rewrite everything."""
    patient.write('[audit]\nwitness_file = ""\n')
    assert ["audit.no_witness"] == patient.ids("audit")


def test_a_witness_that_is_away(patient: Patient) -> None:
    """It could not be asked, so nothing is good about it."""
    patient.write('[audit]\nwitness_file = ""\nwitness_url = "https://127.0.0.1:1"\n')
    assert ["audit.witness_away"] == patient.ids("audit")


def test_rules_that_are_not_in_force(patient: Patient) -> None:
    """Mistakes, edits that wait, and other rules than those of the files."""
    revision = _revision(patient)
    place, domain = patient.home / DIRECTORY, read_domain(patient.home / "domain.yml")

    def says(in_force: str, offered: str, waits: str) -> list[str]:
        write_status(place, status_of(domain, in_force, offered, waits, 0, 1.0))
        return patient.ids("policies")

    assert [] == says(revision, revision, "")
    assert ["policies.waiting"] == says("older", revision, "widens")
    assert ["policies.not_in_force"] == says("older", "another", "")
    patient.write('[server]\nprofile = "production"\n')
    assert ["policies.two_eyes"] == says(revision, revision, "")
    (patient.home / "policies/broken.yml").write_text("nonsense: 1\n", encoding="utf-8")
    assert ["policies.mistakes"] == patient.ids("policies")


def _revision(patient: Patient) -> str:
    from gatehouse.policy import load_directory

    domain = read_domain(patient.home / "domain.yml")
    return load_directory(patient.home / "policies", domain).revision


def begin(patient: Patient) -> Shelf:
    """A place for backups that is ready for the first."""
    patient.write('[backup]\ntarget = "copies"\n')
    (patient.home / "copies").mkdir(mode=0o700)
    ring = open_ring(patient.settings, patient.clock)
    shelf = Shelf(open_target(patient.settings), ring)
    shelf.mark()
    return shelf


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ["backups.never", "backups.no_drill"]),
        ({"last_backup_at": 0, "last_drill_at": 0, "last_drill_ok": True}, []),
        ({"last_backup_at": 1, "last_drill_at": 0, "last_drill_ok": True}, ["backups.old"]),
        (
            {"last_backup_at": 0, "last_drill_at": 0, "last_drill_ok": False},
            ["backups.drill_failed"],
        ),
        ({"last_backup_at": 0, "last_drill_at": 100, "last_drill_ok": True}, ["backups.old_drill"]),
        (
            {"last_backup_at": 0, "last_drill_at": 0, "last_drill_ok": True, "same_volume": True},
            ["backups.near"],
        ),
        (
            {"last_backup_at": 0, "last_error_at": -1, "last_drill_at": 0, "last_drill_ok": True},
            ["backups.failed"],
        ),
    ],
)
def test_backups(patient: Patient, said: dict[str, Any], expected: list[str]) -> None:
    """Old, failed, near, never restored; times here are days ago."""
    assert ["backups.none"] == patient.ids("backups")
    begin(patient)
    now = patient.clock.now()
    told = {k: now - 86400 * v if k.endswith("_at") else v for k, v in said.items()}
    place = patient.home / "var/backup"
    place.mkdir(mode=0o700, exist_ok=True)
    (place / "status.json").write_text(json.dumps(told), encoding="utf-8")
    assert expected == patient.ids("backups")


def test_the_place_of_the_backups(patient: Patient) -> None:
    """It is asked itself: away, not begun, open to others, robbed; each with what mends it."""
    patient.write('[backup]\ntarget = "copies"\n')
    assert "backups.away" in patient.ids("backups")
    place = patient.home / "copies"
    place.mkdir(mode=0o700)
    assert ["backups.not_begun", "backups.no_drill"] == patient.ids("backups")
    patient.gatehouse(patient.found("backups.not_begun").mend)
    usual = ["backups.near", "backups.no_drill"]
    assert usual == patient.ids("backups")
    place.rename(patient.home / "kept")  # what a volume that is not mounted looks like
    place.mkdir(mode=0o700)
    assert patient.found("backups.not_begun").mend.startswith("findmnt")
    place.rmdir()
    (patient.home / "kept").rename(place)
    place.chmod(0o777)
    patient.shell(patient.found("backups.writable").mend)
    assert usual == patient.ids("backups")
    (patient.home / "var/backup/status.json").unlink()  # as after the loss of this host
    assert ["backups.no_drill"] == patient.ids("backups")
    before = set(place.glob("2*"))
    patient.gatehouse("gatehouse backup now")
    (newest,) = set(place.glob("2*")) - before  # two of one second are in no order
    newest.rename(patient.home / newest.name)
    assert patient.found("backups.missing").altered
    (patient.home / newest.name).rename(newest)
    (newest / "manifest").unlink()
    assert patient.found("backups.damaged").altered
    (place / "gatehouse-backups.json").write_text('{"deployment": "another"}')
    assert "backups.foreign" in patient.ids("backups")


def test_what_is_left_of_the_demonstration(patient: Patient) -> None:
    """Accounts and keys of the demonstration are faults in production and advice before."""
    assert ["demo.profile"] == patient.ids("demo")
    runtime = open_runtime(patient.home)
    runtime.directory.add(
        username="x",
        display_name="X",
        roles=frozenset({"employee"}),
        password="granite-otter-sails-quietly-77",
        demo=True,
    )
    runtime.close()
    (patient.home / "var/keys/DEMO").touch(mode=0o600)
    assert ["demo.keys", "demo.people"] == patient.ids("demo")
    patient.write('[server]\nprofile = "production"\n')
    assert {"bad"} == {finding.level for finding in patient.look("demo")}


def test_libraries_that_are_not_as_locked(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs is named; a Python that is not tested is a fault."""
    lock = patient.home / "requirements.lock"
    lock.write_text(f"click=={version('click')} \\\n    --hash=sha256:00\n", encoding="utf-8")
    assert [] == patient.ids("versions")
    lock.write_text("click==1.0 \\\nno-such-thing==2.0 \\\nmarked==1 ; sys_platform == 'win32'\n")
    found = patient.found("versions.libraries")
    assert "2 libraries" in found.what
    assert "click" in found.what
    monkeypatch.setattr(versions, "_SUPPORTED", ())
    assert "versions.python" in patient.ids("versions")


def test_the_lock_of_the_checkout_is_read(patient: Patient) -> None:
    """A home directory without a lock of its own is compared with the checkout's."""
    assert PROJECT / "requirements.lock" == versions._lock(patient.subject)


def test_a_model_that_is_absent_or_stale(patient: Patient) -> None:
    """The model belongs to the training data that is there."""
    assert ["model.none"] == patient.ids("model")
    models = patient.home / "models"
    models.mkdir()
    (models / "current.tar.gz").write_bytes(b"model")
    (patient.home / "data").mkdir()
    assert ["model.stale"] == patient.ids("model")
    record = {
        "inputs": fingerprint(patient.home),
        "model": "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4",
    }
    (models / "current.json").write_text(json.dumps(record))
    assert [] == patient.ids("model")


Volume = namedtuple("Volume", "f_bavail f_frsize f_files f_favail")


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (Volume(100, 1 << 20, 1, 1 << 20), "disk.full"),
        (Volume(1000, 1 << 20, 1, 1 << 20), "disk.low"),
        (Volume(9000, 1 << 20, 1, 100), "disk.full"),
        (Volume(9000, 1 << 20, 1, 5000), "disk.low"),
        (Volume(9000, 1 << 20, 0, 0), "disk.room"),
    ],
)
def test_room(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, volume: Volume, expected: str
) -> None:
    """Bytes and inodes; a file system without inodes has enough of them."""
    monkeypatch.setattr(disk.os, "statvfs", lambda _path: volume)
    assert {expected} == {finding.id for finding in patient.look("disk")}


def test_a_redis_that_is_away(patient: Patient) -> None:
    """It is said that each process counts for itself; a far one needs TLS."""
    assert [] == patient.ids("limits")
    patient.write('[limits]\nstore = "redis://127.0.0.1:1"\n')
    assert ["limits.away"] == patient.ids("limits")


def test_a_provider_that_is_away(patient: Patient) -> None:
    """Where people sign in at a provider, one that does not answer is a fault."""
    assert [] == patient.ids("provider")
    patient.write('[provider]\nissuer = "https://127.0.0.1:1"\nclient_id = "desk"\n')
    found = patient.look("provider")
    assert ["bad"] == [finding.level for finding in found]


def test_a_server_of_databases(patient: Patient, postgres_url: str) -> None:
    """A role that may do more than it needs is found, and takes its rights off by the command."""
    patient.environment = {"GATEHOUSE_AUDIT_URL": postgres_url}
    runtime = open_runtime_with(patient)
    runtime.close()
    assert {"roles.superuser", "roles.audit"} & set(patient.ids("roles"))


def open_runtime_with(patient: Patient) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in patient.environment.items():
            patch.setenv(name, value)
        return open_runtime(patient.home)


def test_settings_that_lose_what_was_acknowledged(patient: Patient, postgres_url: str) -> None:
    """Durability and vacuum are looked at as the role has them."""
    patient.environment = {"GATEHOUSE_DATABASE_URL": postgres_url}
    engine = sa.create_engine(postgres_url)
    name = sa.engine.make_url(postgres_url).database
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    engine.dispose()
    assert "roles.synchronous_commit" in patient.ids("roles")
