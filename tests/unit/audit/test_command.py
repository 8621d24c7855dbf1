"""`gatehouse audit` on the command line, over a real deployment without a server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from gatehouse import request_id
from gatehouse import runtime as composition
from gatehouse.audit import AuditLog, AuditTampered
from gatehouse.audit.checkpoint import Checkpoint
from gatehouse.audit.deployment import open_anchor, record_start
from gatehouse.audit.note import Ed25519Signer, sign
from gatehouse.cli.audit import COMMANDS, audit
from gatehouse.cli.audit.lines import line
from gatehouse.cli.audit.prove import prove
from gatehouse.clock import SystemClock
from gatehouse.db import open_engine
from gatehouse.errors import GatehouseError, InvalidInput, Unavailable
from gatehouse.keys import KeyRing
from gatehouse.runtime import Runtime, open_runtime

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with two people and a dozen entries."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(PROJECT / "domain.yml", home / "domain.yml")
    shutil.copytree(PROJECT / "policies", home / "policies")
    KeyRing.initialise(home / "var" / "keys", SystemClock()).close()
    runtime = open_runtime(home)
    for name in ("ada", "ben"):
        runtime.directory.add(
            username=name, display_name=name, roles=frozenset({"employee"}), department="",
            employment_type="", employee_id="", password="granite-otter-sails-quietly-77",
            must_change_password=False, demo=False,
        )  # fmt: skip
    ada, ben = (runtime.directory.by_username(name) for name in ("ada", "ben"))
    assert ada
    assert ben
    runtime.record_start()
    for number, intent in enumerate(("view_salary", "view_payslip", "view_salary")):
        with request_id.continued(f"{number:016x}"):
            runtime.audit.append(
                "decision",
                person=ada.id,
                conversation="c-1",
                intent=intent,
                effect="allow",
                rule="r",
            )
    runtime.audit.append("sign_out", person=ben.id)
    runtime.close()
    return home


@pytest.fixture(scope="module")
def opened(home: Path) -> Iterator[Runtime]:
    runtime = open_runtime(home)
    yield runtime
    runtime.close()


@pytest.fixture
def run(home: Path, opened: Runtime, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands on the deployment, which is opened once for all of them."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(home))
    monkeypatch.setattr(composition, "open_runtime", lambda _home: opened)
    return CliRunner(mix_stderr=False) if _takes_mix() else CliRunner()


def _takes_mix() -> bool:
    return "mix_stderr" in CliRunner.__init__.__code__.co_varnames


def call(run: CliRunner, *arguments: str) -> Result:
    result = run.invoke(audit, list(arguments))
    if isinstance(result.exception, GatehouseError):
        raise result.exception
    assert 0 == result.exit_code, result.exception
    return result


def test_every_command_has_its_help(run: CliRunner) -> None:
    """Each command is there and says what it does."""
    for name in COMMANDS:
        assert call(run, name, "--help").stdout.startswith("Usage: audit")


def test_a_line_says_first_what_was_decided() -> None:
    """What was weighed is for `show`; who and which request come last, as far as they fit."""
    body = {
        "at": "2026-11-25T08:00:00.000Z", "clock": "synchronised", "version": 2, "kind": "decision",
        "aal": 1, "confidence": 0.99, "effect": "deny", "facts": 1, "intent": "view_salary",
        "person": "19f5ce6b" * 8, "request_id": "49cb6066" * 2, "revision": "360fff0d" * 8,
        "roles": ["employee", "manager"], "rule": "salary-restricted", "runners_up": ["greet 0.00"],
        "indeterminate": [],
    }  # fmt: skip
    assert (
        "  4711  2026-11-25T08:00:00.000Z  decision            effect=deny  intent=view_salary  "
        "rule=salary-restricted  aal=1  roles=employee,manager  person=19f5ce6b  request_id=49cb6066"
    ) == click.unstyle(line(4711, body))
    loaded = {**body, "kind": "policy_loaded"}
    assert "revision=360fff0d" in line(1, loaded)


def test_tail_chooses(run: CliRunner) -> None:
    """By person, intent, rule, kind and time; a user name is enough."""
    lines = call(run, "tail").stdout.splitlines()
    assert (5, "start") == (len(lines), lines[0].split()[2])
    assert 3 == len(call(run, "tail", "--person", "ada").stdout.splitlines())
    assert 1 == len(call(run, "tail", "--person", "ben").stdout.splitlines())
    assert 2 == len(call(run, "tail", "--intent", "view_salary").stdout.splitlines())
    assert 3 == len(call(run, "tail", "--rule", "r", "--conversation", "c-1").stdout.splitlines())
    assert 1 == len(call(run, "tail", "--kind", "start", "--since", "1h").stdout.splitlines())
    assert 1 == len(call(run, "tail", "--request-id", f"{1:016x}").stdout.splitlines())
    assert "" == call(run, "tail", "--until", "2020-01-01").stdout
    assert 1 == len(call(run, "tail", "--count", "1", "--json").stdout.splitlines())


def test_what_cannot_be_chosen_is_said(run: CliRunner) -> None:
    """An unknown kind, a person without entries and a strange time are errors with a hint."""
    with pytest.raises(InvalidInput, match="'nonsense' is not known"):
        call(run, "tail", "--kind", "nonsense")
    with pytest.raises(InvalidInput, match="no entry can be told to be about this person"):
        call(run, "tail", "--person", "nobody at all")
    with pytest.raises(InvalidInput, match="--since"):
        call(run, "tail", "--since", "soon")
    for early in ("99999999d", "0001-01-01T00:00+05:00"):
        with pytest.raises(InvalidInput, match="--since"):
            call(run, "tail", "--since", early)
    assert 2 == run.invoke(audit, ["tail", "--count", "-1"]).exit_code
    nothing = call(run, "tail", "--intent", "view_salery")
    assert "" == nothing.stdout
    assert "note: no entry is like that" == nothing.stderr.splitlines()[0]
    assert "'view_salery'; the nearest one that occurs is 'view_salary'" in nothing.stderr
    with pytest.raises(InvalidInput, match="'00' is too short"):
        call(run, "tail", "--request-id", "00")


def test_what_a_line_shows_can_be_given_back(run: CliRunner) -> None:
    """The beginnings of pseudonyms and request ids that tail prints choose the same entries."""
    bodies = [json.loads(text) for text in call(run, "tail", "--json").stdout.splitlines()]
    for option, fact in (("person", "person"), ("conversation", "conversation")):
        shown = next(body[fact] for body in bodies if len(str(body.get(fact, ""))) == 32)[:8]
        wanted = [body for body in bodies if str(body.get(fact, "")).startswith(shown)]
        found = call(run, "tail", f"--{option}", shown, "--json").stdout.splitlines()
        assert wanted == [json.loads(text) for text in found]
    assert 3 == len(call(run, "tail", "--request-id", f"{1:016x}"[:8]).stdout.splitlines())


def test_show_prints_all_of_an_entry(run: CliRunner) -> None:
    """One line per fact, or the entry exactly as it is; a missing one is an error."""
    assert "intent         view_salary" in call(run, "show", "2").stdout
    body = json.loads(call(run, "show", "2", "--json").stdout)
    assert ("decision", 2) == (body["kind"], body["version"])
    with pytest.raises(InvalidInput, match="there is no entry 99"):
        call(run, "show", "99")


def test_checkpoint_verify_and_export_agree(run: CliRunner, home: Path, tmp_path: Path) -> None:
    """A checkpoint is signed and witnessed, verification counts it, and exports are complete."""
    note = call(run, "checkpoint").stdout
    size = int(note.splitlines()[1])
    result = call(run, "verify", "--json")
    report = json.loads(result.stdout)
    assert (size, size, size) == (report["entries"], report["checkpointed"], report["witnessed"])
    assert "the witness file is on the volume of the database" in result.stderr
    kept = tmp_path / "kept.txt"
    kept.write_text(note)
    assert "unbroken" in call(run, "verify", "--checkpoints", str(kept)).stdout
    for form in ("jsonl", "ocsf", "cef"):
        out = tmp_path / f"audit.{form}"
        call(run, "export", "--format", form, "--out", str(out))
        assert size == len(out.read_text().splitlines())
        assert 0o600 == out.stat().st_mode & 0o777
    assert 2 == len(call(run, "export", "--intent", "view_salary").stdout.splitlines())
    with pytest.raises(InvalidInput, match="cannot be written"):
        call(run, "export", "--out", str(tmp_path / "no" / "where"))


def test_verifier_key_and_proof_are_all_an_auditor_needs(
    run: CliRunner, home: Path, tmp_path: Path
) -> None:
    """What `verifier`, `key` and `prove` print works together without Gatehouse."""
    import subprocess
    import sys

    script, proof = tmp_path / "verify_audit.py", tmp_path / "entry.tlog-proof"
    script.write_text(call(run, "verifier").stdout)
    key = call(run, "key").stdout.strip()
    call(run, "prove", "2", "--out", str(proof))
    done = subprocess.run(
        [sys.executable, "-I", script, "--key", key, "--proof", proof],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "entry 2 of gatehouse/" in done.stdout
    with pytest.raises(InvalidInput, match="there is no entry 99"):
        call(run, "prove", "99")
    assert prove.name == "prove"


def test_starts_under_another_name_of_the_log_are_noted(
    run: CliRunner, opened: Runtime, tmp_path: Path
) -> None:
    """Who gives the log another name and place for a while does not hide that the server ran."""
    elsewhere = AuditLog(
        open_engine(f"sqlite:///{tmp_path / 'other.db'}"), SystemClock(), bytes(32)
    )
    elsewhere.create()
    assert "not in this log" not in call(run, "verify").stderr
    anchor = open_anchor(opened.settings, opened.ring)
    record_start(elsewhere, anchor, "desk/other", "production")
    noted = call(run, "verify").stderr
    assert "note: 1 start(s) of the server are not in this log: it was called 'desk/other'" in noted
    elsewhere.engine.dispose()


def test_a_checkpoint_verifies_by_hand_as_the_guide_says(tmp_path: Path) -> None:
    """The guide's commands accept a genuine checkpoint, whatever letters its key has, and no other."""
    import subprocess

    guide = (PROJECT / "docs" / "audit.md").read_text()
    commands = guide.partition("gatehouse audit checkpoint > kept.txt\n")[2].partition("```")[0]
    commands = commands.replace("gatehouse audit key", "cat key")
    for seed in range(3):
        signer = Ed25519Signer(
            "gatehouse/x", Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
        )
        note = sign(Checkpoint("gatehouse/x", 7, bytes(32)).text(), [signer])
        (tmp_path / "key").write_text(signer.verifier().vkey + "\n")
        for size, accepted in (("7", True), ("8", False)):
            (tmp_path / "kept.txt").write_text(note.replace("\n7\n", f"\n{size}\n"))
            done = subprocess.run(
                ["sh", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert accepted == (0 == done.returncode), done.stderr


def test_a_witness_that_is_away_ends_the_command_with_six(run: CliRunner, home: Path) -> None:
    """The checkpoint is printed, the witness is named, and the exit code says that one is missing."""
    witness = home / "var" / "witness" / "audit.jsonl"
    held = witness.read_bytes() if witness.exists() else b""
    witness.parent.mkdir(exist_ok=True)
    witness.write_bytes(held + b"{")
    try:
        with pytest.raises(Unavailable, match="1 of the witnesses"):
            call(run, "checkpoint")
    finally:
        witness.write_bytes(held)


def test_a_post_quantum_signature_can_be_added(
    run: CliRunner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting a checkpoint and the keys have a second line, and all verifies."""
    monkeypatch.setenv("GATEHOUSE_AUDIT_POST_QUANTUM", "on")
    monkeypatch.setattr(composition, "open_runtime", open_runtime)
    open_runtime(home).audit.append("administration", operation="test")
    note = call(run, "checkpoint").stdout
    assert 2 == len(note.rpartition("\n\n")[2].splitlines())
    assert 2 == len(call(run, "key").stdout.splitlines())
    monkeypatch.delenv("GATEHOUSE_AUDIT_POST_QUANTUM")
    report = json.loads(call(run, "verify", "--json").stdout)
    assert report["entries"] == report["checkpointed"]


def test_database_sql_is_for_postgresql(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection it prints tables, triggers and the two rights that a writer gets."""
    with pytest.raises(InvalidInput, match="only PostgreSQL has roles"):
        call(run, "database-sql", "--writer", "desk")
    monkeypatch.setenv("GATEHOUSE_AUDIT_URL", "postgresql+psycopg2://owner@localhost:1/audit")
    sql = call(run, "database-sql", "--writer", "desk").stdout
    assert "GRANT SELECT, INSERT ON gh_audit TO desk;" in sql
    assert "UPDATE ON" not in sql.replace("BEFORE UPDATE OR DELETE OR TRUNCATE ON", "")


def test_verify_names_what_was_done(run: CliRunner, opened: Runtime) -> None:
    """Somebody who writes to the database is found, with exit code 5 and a place to look."""
    with opened.audit.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER gh_audit_no_update")
        connection.execute(text("UPDATE gh_audit SET body = replace(body, 'allow', 'deny ')"))
    with pytest.raises(AuditTampered) as caught:
        call(run, "verify")
    assert (2, 5) == (caught.value.sequence, caught.value.exit_code)
    with opened.audit.engine.begin() as connection:
        connection.execute(text("UPDATE gh_audit SET body = 'x' WHERE sequence = 3"))
    for arguments in (("tail",), ("show", "3"), ("export",)):
        with pytest.raises(AuditTampered, match="entry 3: cannot be read"):
            call(run, *arguments)
    assert "docs/audit.md" in caught.value.diagnostics()
