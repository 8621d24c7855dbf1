"""The verifier for auditors: one file that knows nothing of Gatehouse and finds the same."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import gatehouse.audit
from gatehouse.audit import AuditLog
from gatehouse.audit.deployment import record_start
from gatehouse.audit.export import FORMATS
from gatehouse.audit.proofs import TlogProof, inclusion_proof
from tests.patience import PATIENCE
from tests.unit.audit.conftest import ORIGIN, Site, as_owner, fill, make_site, open_log

SCRIPT = Path(gatehouse.audit.__file__).with_name("standalone.py")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """The script as an auditor runs it, isolated from this project."""
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


def export(log: AuditLog, path: Path) -> Path:
    lines = [FORMATS["jsonl"](entry, json.loads(entry.body), "") for entry in log.entries()]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def desk(tmp_path: Path) -> Site:
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    site = make_site(log, tmp_path)
    record_start(log, site.anchor, ORIGIN, "production")
    fill(log, 4)
    site.checkpointer.make()
    fill(log, 4)
    site.checkpointer.make()
    fill(log, 3)
    return site


def copied(site: Site, path: Path) -> Path:
    """A copy of the database as an operator hands it over."""
    with closing(sqlite3.connect(str(site.log.engine.url.database))) as database:
        database.execute("VACUUM INTO ?", (str(path),))
    return path


def test_it_can_be_read_in_one_sitting() -> None:
    """Under 300 lines, and nothing but the standard library and `cryptography`."""
    lines = SCRIPT.read_text().splitlines()
    imports = {
        line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))
    }
    assert len(lines) < 300
    assert set() == imports - {"cryptography"} - set(sys.stdlib_module_names)


def test_export_and_copy_verify(desk: Site, tmp_path: Path) -> None:
    """A whole export with the witness file, and a copy of the database, verify with the key alone."""
    key = desk.signer.verifier().vkey
    code, out, err = run(
        "--key", key, "--entries", export(desk.log, tmp_path / "audit.jsonl"),
        "--checkpoints", desk.witness.path,
    )  # fmt: skip
    assert (0, "nothing vouches for entries 10 to 12 yet\n") == (code, err)
    assert out.startswith("12 entries, root ")
    assert "9 of them are under 2 checkpoint(s), the newest of 9" in out
    code, again, _ = run("--key", key, "--entries", copied(desk, tmp_path / "copy.db"))
    assert (0, out) == (code, again)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["UPDATE gh_audit SET body = replace(body, 'intent_2', 'intent_9') WHERE sequence = 4"], "entries 1 to 5 are not those of checkpoint 1 in copy.db"),
        (["DELETE FROM gh_audit WHERE sequence = 7"], "entry 7 is missing; the next one present is 8"),
        (["DELETE FROM gh_audit WHERE sequence > 6"], "entry 7 is missing; checkpoint 2 in copy.db covers 9"),
        (["DELETE FROM gh_audit WHERE sequence > 6", "DELETE FROM gh_audit_checkpoints WHERE size > 6"], "entry 7 is missing; checkpoint 2 in witness.jsonl covers 9"),
        (["INSERT INTO gh_audit_checkpoints SELECT 3, size, note FROM gh_audit_checkpoints WHERE number = 1"], "is an old one put in again"),
        (["UPDATE gh_audit_checkpoints SET note = replace(note, '\n9\n', '\n8\n') WHERE number = 2"], "wrong signature"),
        (["UPDATE gh_audit_checkpoints SET note = substr(note, 1, 150) WHERE number = 2"], "not signed|wrong signature|cannot be read"),
    ],
)  # fmt: skip
def test_it_finds_what_was_done(
    desk: Site, tmp_path: Path, statements: list[str], reason: str
) -> None:
    """Every attack on a copy of the database is found, with its place, by the script alone."""
    as_owner(desk.log, *statements)
    key = desk.signer.verifier().vkey
    code, _, err = run(
        "--key", key, "--entries", copied(desk, tmp_path / "copy.db"),
        "--checkpoints", desk.witness.path,
    )  # fmt: skip
    assert code in (3, 5)
    assert any(part in err for part in reason.split("|")), err


def test_it_finds_logging_that_was_elsewhere(desk: Site, tmp_path: Path) -> None:
    """A start of the server that this log does not have is missed."""
    record_start(open_log(f"sqlite:///{tmp_path / 'other.db'}"), desk.anchor, ORIGIN, "production")
    record_start(desk.log, desk.anchor, ORIGIN, "production")
    key = desk.signer.verifier().vkey
    code, _, err = run("--key", key, "--entries", copied(desk, tmp_path / "copy.db"))
    assert (5, "WRONG: entry 13: 1 start(s) before it missing\n") == (code, err)


def test_a_checkpoint_under_another_name_is_not_passed_over(desk: Site, tmp_path: Path) -> None:
    """Or whoever cuts the end off would only have to rename the witness's last line; a name that the
    log had before is for the auditor to say."""
    as_owner(
        desk.log,
        "DELETE FROM gh_audit WHERE sequence > 5",
        "DELETE FROM gh_audit_checkpoints WHERE number > 1",
    )
    kept = desk.witness.path.read_text().splitlines()
    renamed = kept[-1].replace(ORIGIN, "desk.example.org/before", 1)
    desk.witness.path.write_text("\n".join([*kept[:-1], renamed, ""]))
    arguments = (
        "--key", desk.signer.verifier().vkey, "--entries", copied(desk, tmp_path / "copy.db"),
        "--checkpoints", desk.witness.path,
    )  # fmt: skip
    code, _, err = run(*arguments)
    assert 5 == code
    assert "checkpoint 2 in" in err and "is of another log, 'desk.example.org/before'" in err
    assert 0 == run(*arguments, "--former", "desk.example.org/before")[0]


@pytest.mark.parametrize("line", ["{", '{"checkpoint":', "[" * 100_000, '{"x": 1}'])
def test_a_line_that_no_witness_wrote_is_placed(desk: Site, tmp_path: Path, line: str) -> None:
    """With its number, and as something that is not what was written."""
    kept = desk.witness.path.read_text().splitlines()
    desk.witness.path.write_text("\n".join([kept[0], line, *kept[1:], ""]))
    code, _, err = run(
        "--key", desk.signer.verifier().vkey, "--entries", export(desk.log, tmp_path / "a.jsonl"),
        "--checkpoints", desk.witness.path,
    )  # fmt: skip
    assert 5 == code
    assert "line 2 of" in err


@pytest.mark.parametrize("number", ["1e400", "[" * 50_000])
def test_a_start_that_cannot_be_read_is_no_traceback(
    desk: Site, tmp_path: Path, number: str
) -> None:
    """Neither by its size nor by its depth."""
    file = export(desk.log, tmp_path / "audit.jsonl")
    first, *others = file.read_text().splitlines()
    forged = '{"sequence":1,"entry":{"kind":"start","log":"x","number":' + number + "}}"
    assert first.startswith('{"sequence":1,')
    file.write_text("\n".join([forged, *others, ""]))
    code, _, err = run(
        "--key", desk.signer.verifier().vkey, "--entries", file, "--checkpoints", desk.witness.path
    )
    assert (5, "WRONG: entry 1 cannot be read\n") == (code, err)


def test_one_entry_is_proven_in_one_file(desk: Site, tmp_path: Path) -> None:
    """A tlog-proof needs nothing but the key; any change of it is found."""
    signed = desk.checkpointer.make()
    assert signed is not None
    path = inclusion_proof(6, 12, desk.log.node, desk.log.leaf)
    proof = TlogProof(6, path, signed.note, desk.log.entry(7).body.encode())
    assert proof == TlogProof.parse(proof.format())
    file = tmp_path / "entry-7.tlog-proof"
    file.write_text(proof.format())
    key = desk.signer.verifier().vkey
    code, out, err = run("--key", key, "--proof", file)
    assert (0, "") == (code, err)
    assert f"entry 7 of {desk.trust.origin}, under a checkpoint of 12:\n" in out
    assert out.endswith(desk.log.entry(7).body + "\n")
    other = TlogProof(6, path, signed.note, desk.log.entry(8).body.encode())
    file.write_text(other.format())
    assert (5, "WRONG: the entry is not in the tree of the checkpoint\n") == run(
        "--key", key, "--proof", file
    )[::2]
    file.write_text(proof.format().replace("index 6", "index 5"))
    assert 5 == run("--key", key, "--proof", file)[0]


def test_another_key_and_other_files_are_refused(desk: Site, tmp_path: Path) -> None:
    """Without the right key nothing is believed; what is no export is said to be none."""
    foreign = make_site(desk.log, tmp_path / "x", seed=b"f" * 32).signer.verifier().vkey
    entries = export(desk.log, tmp_path / "audit.jsonl")
    arguments = ("--entries", entries, "--checkpoints", desk.witness.path)
    assert 5 == run("--key", foreign, *arguments)[0]
    assert 3 == run("--key", "nonsense", *arguments)[0]
    assert 2 == run(*arguments)[0]
    entries.write_text("not an export\n")
    code, _, err = run("--key", desk.signer.verifier().vkey, *arguments)
    assert 3 == code
    assert "not a line of an export" in err
