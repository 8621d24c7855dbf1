"""Files, secrets, certificate, keys: each fault is found, and what mends it does."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys.opening import make_ring, open_ring
from gatehouse.ops.authority import LocalAuthority
from gatehouse.ops.doctor.checks import clock as clock_check
from tests.unit.ops.doctor.conftest import Patient


@pytest.mark.parametrize(
    "name", ["var/keys", "var/keys/ring.db", "var/gatehouse.db", "var/tls/server.pem"]
)
def test_what_others_can_reach(patient: Patient, name: str) -> None:
    """A key or a database that others may read is found, and chmod mends it."""
    path = patient.home / name
    assert [] == patient.ids("files")
    path.chmod(path.stat().st_mode | 0o040)
    patient.shell(patient.found("files.open").mend)
    assert [] == patient.ids("files")


@pytest.mark.parametrize("name", ["policies/intents.yml", "gatehouse.toml", "."])
def test_what_others_can_write(patient: Patient, name: str) -> None:
    """Whoever may write rules or settings decides who may ask what."""
    patient.write("")
    path = patient.home / name
    path.chmod(path.stat().st_mode | 0o022)
    patient.shell(patient.found("files.writable").mend)
    assert [] == patient.ids("files")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user(patient: Patient) -> None:
    """A command that was run as another user left a file that the server cannot use."""
    os.chown(patient.home / "var/keys/ring.db", 65534, -1)
    patient.shell(patient.found("files.owner").mend)
    assert [] == patient.ids("files")


def test_a_secret_file_that_others_can_read(patient: Patient) -> None:
    """Every file that a setting or a webhook calls a secret is looked at."""
    for name in ("url", "hook"):
        (patient.home / name).write_text("x")
        (patient.home / name).chmod(0o644)
    patient.write('[audit]\nurl_file = "url"\n')
    (patient.home / "url").write_text(f"sqlite:///{patient.home}/var/audit.db")
    (patient.home / "webhooks.toml").write_text(
        '[incoming.hr]\nsecrets = ["hook"]\nkinds = ["person.left"]\n'
    )
    found = [finding.mend for finding in patient.look("files") if finding.id == "files.open"]
    assert ["chmod 600 hook", "chmod 600 url"] == sorted(found)


def test_passwords_in_settings(patient: Patient) -> None:
    """A password in gatehouse.toml is found and not shown; in a file of its own it is fine."""
    patient.write('[database]\nurl = "postgresql+psycopg2://desk:hush-hush@127.0.0.1:1/x"\n')
    found = patient.found("secrets.in_settings")
    assert "hush-hush" not in str(found)
    assert 'in gatehouse.toml: [database] url_file = "secrets/database-url"' == found.mend
    patient.write('[database]\nurl_file = "secret-url"\n')
    (patient.home / "secret-url").write_text("postgresql+psycopg2://desk:hush-hush@127.0.0.1:1/x")
    assert [] == patient.ids("secrets")


def test_secrets_in_the_environment(patient: Patient) -> None:
    """A PIN and a URL with a password are found; a URL without one is none."""
    patient.environment = {
        "GATEHOUSE_KEYS_PKCS11_PIN": "4711",
        "GATEHOUSE_DATABASE_URL": "postgresql+psycopg2://desk:hush-hush@127.0.0.1:1/x",
        "GATEHOUSE_AUDIT_URL": "sqlite:///var/audit.db",
    }
    found = [f for f in patient.look("secrets") if f.id == "secrets.in_environment"]
    assert ["GATEHOUSE_DATABASE_URL", "GATEHOUSE_KEYS_PKCS11_PIN"] == [
        f.what.rpartition(" ")[2] for f in found
    ]
    assert "hush-hush" not in str(found)


def test_the_environment_of_a_server(patient: Patient) -> None:
    """That of a process that serves this deployment counts, that of another one does not."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", "gatehouse", "run"]
    homes = {"other": patient.home.parent, "mine": patient.home}
    for name, home in homes.items():
        environment = {"GATEHOUSE_HOME": str(home), "GATEHOUSE_KEYS_VAULT_TOKEN": "hush"}
        server = subprocess.Popen(command, env=environment)
        try:
            _until_started(server.pid)
            assert (["secrets.in_environment"] if name == "mine" else []) == patient.ids("secrets")
        finally:
            server.kill()
            server.wait()


def _until_started(pid: int) -> None:
    end = time.monotonic() + 20
    while b"gatehouse" not in Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_secret_in_git(patient: Patient) -> None:
    """What git keeps is found, and taken out by the command."""
    git = ["git", "-C", str(patient.home), "-c", "user.name=x", "-c", "user.email=x@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert [] == patient.ids("secrets")
    subprocess.run([*git, "add", "-f", "var/keys/ring.db"], check=True)
    patient.shell(patient.found("secrets.tracked").mend)
    assert [] == patient.ids("secrets")


def test_a_private_key_that_lies_about(patient: Patient) -> None:
    """A key in PEM or a root that was copied beside the project is found and destroyed."""
    [root] = (patient.home / "var/keys").glob("root-*.key")
    (patient.home / "copies").mkdir()
    shutil.copy(root, patient.home / "copies" / root.name)
    shutil.copy(patient.home / "var/tls/server.pem", patient.home / "old.pem")
    found = [f for f in patient.look("secrets") if f.id == "secrets.stray"]
    assert 2 == len(found)
    for finding in found:
        patient.shell(finding.mend)
    assert [] == patient.ids("secrets")


def test_a_certificate_that_ends(patient: Patient) -> None:
    """Advice a month before, a fault a week before and after; renewing mends it."""
    now = patient.clock.now()
    for days, level in ((10, "good"), (70, "advice"), (85, "bad"), (95, "bad")):
        patient.clock = SettableClock(now + timedelta(days=days).total_seconds())  # type: ignore[assignment]
        [found] = patient.look("tls")
        assert level == found.level, days
    assert "gatehouse tls renew" == found.mend


def test_a_certificate_of_another_name_or_key(patient: Patient, tmp_path: Path) -> None:
    """Key and name have to fit what browsers ask for."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir(mode=0o700)
        LocalAuthority(tmp_path / name).ensure(patient.clock.now())
    chain, other = tmp_path / "one/server.pem", tmp_path / "two/server.pem"
    tls = '[server]\npublic_origin = "{}"\n[tls]\ncertificate = "{}"\nkey = "{}"\n'
    patient.write(tls.format("https://localhost", chain, chain))
    assert [] == patient.ids("tls")
    patient.write(tls.format("https://desk.example.org", chain, chain))
    assert ["tls.name"] == patient.ids("tls")
    patient.write(tls.format("https://127.0.0.1", chain, other))
    assert ["tls.key"] == patient.ids("tls")
    patient.write(tls.format("https://localhost", tmp_path / "none.pem", chain))
    assert ["tls.unreadable"] == patient.ids("tls")
    patient.write('[server]\nprofile = "production"\n')
    assert ["tls.local"] == patient.ids("tls")


def test_a_missing_certificate(patient: Patient) -> None:
    """The local authority makes one."""
    shutil.rmtree(patient.home / "var/tls")
    patient.gatehouse(patient.found("tls.none").mend)
    assert [] == patient.ids("tls")


def test_no_second_copy_of_the_ring(patient: Patient) -> None:
    """Advice without a mirror; a mirror beside the ring is near; a lost one is made by the command."""
    assert ["keys.no_mirror"] == patient.ids("keys")
    patient.write('[keys]\nmirror = "mirror"\n')
    patient.gatehouse(patient.found("keys.mirror_behind").mend)
    assert ["keys.mirror_near"] == patient.ids("keys")


def test_a_mirror_that_would_not_open(patient: Patient) -> None:
    """In step by what it says, and not what was written: found before it is needed."""
    patient.write('[keys]\nmirror = "mirror"\n')
    patient.gatehouse("gatehouse keys mirror --new")
    with sqlite3.connect(patient.home / "mirror/ring.db") as copy:
        copy.execute("UPDATE ring SET node = zeroblob(length(node))")
    copy.close()
    found = patient.found("keys.mirror_damaged")
    assert found.altered
    move, _, make = found.mend.partition(" && ")
    patient.shell(move)
    patient.gatehouse(make)
    assert ["keys.mirror_near"] == patient.ids("keys")


@pytest.mark.parametrize(
    "left", [b"", b"SQLite format 3\0" + b"\xff" * 8000], ids=["empty", "torn"]
)
def test_a_mirror_that_is_no_ring_any_more(patient: Patient, left: bytes) -> None:
    """The command of the finding mends it; `keys mirror` touches nothing."""
    patient.write('[keys]\nmirror = "mirror"\n')
    patient.gatehouse("gatehouse keys mirror --new")
    (patient.home / "mirror/ring.db").write_bytes(left)
    with pytest.raises(AssertionError, match="the mirror is damaged"):
        patient.gatehouse("gatehouse keys mirror")
    move, _, make = patient.found("keys.mirror_damaged").mend.partition(" && ")
    patient.shell(move)
    patient.gatehouse(make)
    assert ["keys.mirror_near"] == patient.ids("keys")


def test_a_ring_that_is_gone_comes_back_from_its_mirror(patient: Patient) -> None:
    """The root alone is there; the command of the finding puts the ring beside it."""
    patient.write('[keys]\nmirror = "mirror"\n')
    patient.gatehouse("gatehouse keys mirror --new")
    for path in (patient.home / "var/keys").glob("ring.db*"):
        path.unlink()
    patient.gatehouse(patient.found("keys.closed").mend)
    assert ["keys.mirror_near"] == patient.ids("keys")


def test_a_second_root(patient: Patient) -> None:
    """One that was left, or a copy of the present one, would outlive the next removal."""
    keys = patient.home / "var/keys"
    (root,) = keys.glob("root-*.key")
    shutil.copy(root, keys / "notes.txt")
    patient.shell(patient.found("keys.copied").mend)
    shutil.copy(root, root.with_name("root-00.key"))
    patient.clock = SettableClock(time.time() + 3600)
    assert "keys.roots" in patient.ids("keys")


def test_a_mirror_that_is_behind_or_ahead(patient: Patient) -> None:
    """Behind is brought up by the command; ahead means that the ring was put back."""
    patient.write('[keys]\nmirror = "mirror"\n')
    patient.gatehouse("gatehouse keys mirror --new")
    ring, copy = patient.home / "var/keys/ring.db", patient.home / "mirror/ring.db"
    _without_log(patient)
    old_ring, old_copy = ring.read_bytes(), copy.read_bytes()
    patient.gatehouse("gatehouse keys rotate")
    _without_log(patient)
    new_copy = copy.read_bytes()
    copy.write_bytes(old_copy)
    patient.gatehouse(patient.found("keys.mirror_behind").mend)
    assert ["keys.mirror_near"] == patient.ids("keys")
    _without_log(patient)
    ring.write_bytes(old_ring)
    copy.write_bytes(new_copy)
    [found] = [f for f in patient.look("keys") if f.level != "good"]
    assert "bad" == found.level


def _without_log(patient: Patient) -> None:
    connection = sqlite3.connect(patient.home / "var/keys/ring.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_a_ring_without_its_root(patient: Patient) -> None:
    """The ring does not open; a ring that is not there is made by the first command."""
    [root] = (patient.home / "var/keys").glob("root-*.key")
    root.unlink()
    assert patient.found("keys.closed").mend.startswith(f"put {root.name} back into ")
    shutil.rmtree(patient.home / "var/keys")
    assert "gatehouse init" == patient.found("keys.closed").mend
    make_ring(patient.settings, patient.clock)
    open_ring(patient.settings, patient.clock).close()
    assert ["keys.no_mirror"] == patient.ids("keys")


def test_a_ring_that_is_not_what_was_written(patient: Patient) -> None:
    """A flipped bit in the ring is an integrity failure."""
    _without_log(patient)
    path = patient.home / "var/keys/ring.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE ring SET node = CAST(substr(node, 1, 40) || x'00' || substr(node, 42) AS BLOB)"
        )
    assert patient.found("keys.closed").altered


@pytest.mark.parametrize(
    ("kernel", "systemd", "expected"),
    [
        ("synchronised", "unknown", []),
        ("unsynchronised", "synchronised", ["clock.unsynchronised"]),
        ("unknown", "synchronised", []),
        ("unknown", "unsynchronised", ["clock.unsynchronised"]),
        ("unknown", "unknown", ["clock.unknown"]),
    ],
)
def test_the_clock(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    kernel: str,
    systemd: str,
    expected: list[str],
) -> None:
    """The kernel is asked first; what nobody says is unknown."""
    monkeypatch.setattr(clock_check, "read_state", lambda: kernel)
    monkeypatch.setattr(clock_check, "_systemd", lambda: systemd)
    assert expected == patient.ids("clock")


def test_a_clock_that_went_back(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock before the last write cannot be right."""
    monkeypatch.setattr(clock_check, "read_state", lambda: "synchronised")
    patient.clock = SettableClock(patient.clock.now() - 3600)  # type: ignore[assignment]
    assert ["clock.behind"] == patient.ids("clock")
