"""`gatehouse tracker` and `gatehouse purge` over a real deployment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from gatehouse.cli.hold import hold
from gatehouse.cli.purge import purge
from gatehouse.cli.tracker import tracker
from gatehouse.clock import SettableClock
from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.identity import Person
from gatehouse.keys import KeyRingUnavailable
from gatehouse.ops.initialise import initialise
from gatehouse.runtime import Runtime, open_runtime
from gatehouse.tracker import TrackerTampered
from gatehouse.tracker.journal import Addition, Journal
from gatehouse.tracker.proof import ErasureBroken
from gatehouse.tracker.receipts import ReceiptForged
from gatehouse.tracker.schema import holds

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(PROJECT / "domain.yml", home)
    shutil.copytree(PROJECT / "policies", home / "policies")
    monkeypatch.setenv("GATEHOUSE_HOME", str(home))
    list(initialise(home))
    opened = open_runtime(home, SettableClock())
    monkeypatch.setattr("gatehouse.runtime.open_runtime", lambda *_given, **_named: opened)
    yield opened
    opened.close()


def call(*arguments: str, command: Any = tracker, typed: str | None = None) -> Result:
    result = CliRunner().invoke(command, list(arguments), input=typed)
    if isinstance(result.exception, GatehouseError):
        raise result.exception
    return result


def person(runtime: Runtime, username: str = "erin") -> Person:
    return runtime.directory.add(
        username, username.title(), ["employee"], "long harbour seventeen plums",
        must_change_password=False,
    )  # fmt: skip


def talk(runtime: Runtime, who: Person, conversation: str, text: str) -> None:
    runtime.conversations.started(conversation, who.id)
    journal = Journal(runtime.engine, runtime.ring, runtime.clock, runtime.conversations.life)
    said = {
        "event": "user", "text": text, "timestamp": runtime.clock.now(), "metadata": {},
        "parse_data": {"intent": {"name": "greet"}},
    }  # fmt: skip
    journal.append(conversation, None, lambda _held: Addition([said]))


def kinds(runtime: Runtime) -> list[str]:
    return [json.loads(entry.body)["kind"] for entry in runtime.audit.entries()]


def test_export_prints_or_writes(runtime: Runtime, tmp_path: Path) -> None:
    """JSON on stdout, a page in a new private file; in the log first, a file is never replaced."""
    talk(runtime, person(runtime), "c", "my words")
    result = call("export", "erin")
    assert "my words" == json.loads(result.stdout)["conversations"][0]["messages"][0]["text"]
    target = tmp_path / "erin.html"
    call("export", "erin", "--format", "html", "--output", str(target))
    assert "my words" in target.read_text() and 0o600 == target.stat().st_mode & 0o777
    assert ["export", "export"] == kinds(runtime)[-2:]
    with pytest.raises(InvalidInput, match="cannot be written"):
        call("export", "erin", "--output", str(target))
    with pytest.raises(InvalidInput, match="no person"):
        call("export", "nobody")


def test_erase_and_its_receipt(runtime: Runtime, tmp_path: Path) -> None:
    """The receipt verifies here, and elsewhere with the public key alone; a changed one does not."""
    erin = person(runtime)
    talk(runtime, erin, "c", "my words")
    assert 1 == call("erase", "erin", typed="n\n").exit_code
    assert 1 == len(runtime.conversations.summary(erin.id))
    before = runtime.audit.pseudonym("person", erin.id)
    target = tmp_path / "receipt.json"
    assert (
        "1 conversations erased"
        in call("erase", "erin", "--output", str(target), typed="y\n").stderr
    )
    assert () == runtime.conversations.summary(erin.id)
    assert before != runtime.audit.pseudonym("person", erin.id)
    assert ["administration", "erasure", "erasure_receipt"] == kinds(runtime)[-3:]
    assert "is what entry" in call("verify-receipt", str(target)).stdout
    key = tmp_path / "key.pem"
    key.write_text(call("receipt-key").stdout)
    assert "genuine" in call("verify-receipt", str(target), "--key", str(key)).stdout
    target.write_text(target.read_text().replace('"conversations": 1', '"conversations": 2'))
    with pytest.raises(ReceiptForged) as refused:
        call("verify-receipt", str(target), "--key", str(key))
    assert 5 == refused.value.exit_code


def test_a_genuine_receipt_of_no_entry_is_told(runtime: Runtime, tmp_path: Path) -> None:
    """Signed with the right key and not in the log: an integrity failure, not a yes."""
    forged = runtime.receipts.sign({"receipt": "00", "log_entry": 1})
    (tmp_path / "receipt.json").write_text(json.dumps(forged))
    with pytest.raises(GatehouseError, match="no such entry") as refused:
        call("verify-receipt", str(tmp_path / "receipt.json"))
    assert 5 == refused.value.exit_code


def test_verify_erasure(runtime: Runtime, tmp_path: Path) -> None:
    """All of the living and none of the others; a ring from before does not open."""
    erin, marco = person(runtime), person(runtime, "marco")
    talk(runtime, erin, "a", "one")
    talk(runtime, marco, "b", "two")
    for file in runtime.settings.path("var").glob("gatehouse.db*"):
        shutil.copy(file, tmp_path / file.name)
    runtime.ring.copy_to(tmp_path / "ring.db")
    given = ("verify-erasure", "--backup", str(tmp_path / "gatehouse.db"))
    given += ("--ring", str(tmp_path / "ring.db"))
    assert {"live": 2, "ended_or_erased": 0}.items() <= _opened(call(*given, "--json")).items()
    runtime.rights.erase(erin.id)
    result = call(*given, "--json")
    assert {"live": 1, "ended_or_erased": 0}.items() <= _opened(result).items()
    assert ("does not open", True) == tuple(
        json.loads(result.stdout)[name] for name in ("old_ring", "passed")
    )
    assert "must not" in call(*given).stdout


def _opened(result: Result) -> dict[str, int]:
    classes = json.loads(result.stdout)["classes"]
    return {name: found["opened"] for name, found in classes.items()}


def test_verify_erasure_fails_aloud(runtime: Runtime, tmp_path: Path) -> None:
    """What expired and was not purged still opens: exit code 4 and a hint."""
    talk(runtime, person(runtime), "a", "one")
    runtime.clock.advance(86_400)  # type: ignore[attr-defined]
    given = ("verify-erasure", "--backup", str(runtime.settings.path("var/gatehouse.db")))
    with pytest.raises(ErasureBroken) as refused:
        call(*given, "--no-purge")
    assert 4 == refused.value.exit_code
    assert 0 == call(*given).exit_code


def test_a_ring_copy_that_is_none_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    """A wrong file must not be reported as a ring that does not open."""
    (tmp_path / "ring.db").write_bytes(b"nonsense" * 100)
    with pytest.raises(InvalidInput, match="no copy of a key ring"):
        call(
            "verify-erasure", "--backup", str(runtime.settings.path("var/gatehouse.db")),
            "--ring", str(tmp_path / "ring.db"),
        )  # fmt: skip


def test_purge_says_what_it_did(runtime: Runtime) -> None:
    """Counts as one line or as JSON; the state of the process knows it too."""
    talk(runtime, person(runtime), "a", "one")
    runtime.clock.advance(86_400 + 30)  # type: ignore[attr-defined]
    done = json.loads(call("--json", command=purge).stdout)
    assert (1, 1, 0, 30.0) == tuple(
        done[name] for name in ("conversations", "records", "endings_completed", "overdue_seconds")
    )
    assert "0 conversations purged\n" == call(command=purge).stdout
    status = runtime.purges.status()
    assert (2, 0, 1, 0.0) == (status.runs, status.failures, status.conversations, status.overdue)
    assert 0.0 == runtime.purges.lag(runtime.clock.now())


def test_a_purge_that_fails_is_counted(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 6, nothing lost, and the state says since when none has succeeded."""

    def refuse() -> int:
        raise KeyRingUnavailable("read-only")

    monkeypatch.setattr(runtime.ring, "drop_expired", refuse)
    runtime.clock.advance(90)  # type: ignore[attr-defined]
    with pytest.raises(KeyRingUnavailable) as refused:
        call(command=purge)
    assert 6 == refused.value.exit_code
    status = runtime.purges.status()
    assert (1, 1, None) == (status.runs, status.failures, status.last_success_at)
    assert 90.0 == runtime.purges.lag(runtime.clock.now())


def test_altered_holds_do_not_stop_expiry(runtime: Runtime) -> None:
    """Somebody who alters the table of holds makes the purge fail aloud, after the keys went."""
    erin = person(runtime)
    talk(runtime, erin, "c", "my words")
    runtime.holds.propose(erin.id, "p-7", "case 4711")
    talk(runtime, person(runtime, "marco"), "d", "other words")
    with runtime.engine.begin() as connection:
        connection.execute(sa.update(holds).values(sealed=b"x" * 100))
    runtime.clock.advance(86_400)  # type: ignore[attr-defined]
    with pytest.raises(TrackerTampered):
        runtime.purge()
    assert 1 == runtime.purges.status().failures
    assert [] == runtime.ring.every_key()


def test_a_hold_on_the_command_line(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two persons with role, password and code put it, read it and release it; nobody else can."""
    erin = person(runtime)
    secrets = {}
    for name in ("first.holder", "second.holder"):
        made = runtime.directory.add(
            name, name, ["compliance"], "long harbour seventeen plums", must_change_password=False
        )
        secrets[name] = pyotp.random_base32()
        runtime.totp.set_demo_secret(made.id, secrets[name])
    talk(runtime, erin, "c", "my words")

    secret = tmp_path / "password"
    secret.write_text("long harbour seventeen plums\n")
    monkeypatch.setenv("GATEHOUSE_PASSWORD_FILE", str(secret))

    def code(name: str) -> str:
        runtime.clock.advance(30)  # type: ignore[attr-defined]
        return pyotp.TOTP(secrets[name]).at(int(runtime.clock.now())) + "\n"

    def do(*arguments: str, typed: str | None = None) -> Result:
        return call(*arguments, command=hold, typed=typed)

    with pytest.raises(InvalidInput, match="may not hold"):
        do("propose", "erin", "--by", "erin", "--reason", "x")
    with pytest.raises(GatehouseError, match="code"):
        do("propose", "erin", "--by", "first.holder", "--reason", "x", typed="000000\n")
    proposed = do(
        "propose",
        "erin",
        "--by",
        "first.holder",
        "--reason",
        "case 4711",
        typed=code("first.holder"),
    )
    name = proposed.stdout.split("\n")[-2]
    do("approve", name, "--by", "second.holder", typed=code("second.holder"))
    assert "case 4711" in str(runtime.rights.export(erin)["legal_holds"])
    receipt = runtime.rights.erase(erin.id).receipt
    assert 1 == receipt["under_legal_hold"]
    (row,) = do("list").stdout.splitlines()
    assert [name, "active", "erin", "1"] == row.split("\t")[:4]
    shown = do("read", name, "--by", "first.holder", typed=code("first.holder")).stdout
    assert "my words" in shown
    do("release", name, "--by", "second.holder", typed=code("second.holder"))
    assert "released" == json.loads(do("list", "--json").stdout)["state"]
    assert 4 == kinds(runtime).count("legal_hold")
