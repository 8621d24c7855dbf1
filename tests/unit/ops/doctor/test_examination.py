"""The examination as a whole: it always answers, changes nothing, and calls nothing good unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gatehouse.cli.doctor import doctor
from gatehouse.ops.doctor import examination, examine
from gatehouse.ops.doctor.examination import CHECKS, run
from gatehouse.ops.doctor.finding import LEVELS, Finding, Report, bad, good, unknown
from gatehouse.ops.doctor.show import lines
from tests.unit.ops.doctor.conftest import Patient


def contents(home: Path) -> dict[str, tuple[float, bytes]]:
    return {
        str(path.relative_to(home)): (path.stat().st_mtime, path.read_bytes())
        for path in sorted(home.rglob("*"))
        # Where SQLite notes who reads; a reader that notes nothing would be overwritten.
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_looking_changes_nothing(patient: Patient) -> None:
    """No file is made, written or touched, and every check says something."""
    before = contents(patient.home)
    report = patient.report()
    assert before == contents(patient.home)
    assert {"settings", *CHECKS} == {finding.check for finding in report.findings}
    not_checked = [f.id for f in report.findings if f.id.endswith(".unchecked")]
    assert [] == not_checked


def test_every_check_is_called() -> None:
    """A module of checks that nobody calls would be a check that never fails."""
    directory = Path(examination.__file__).parent / "checks"
    assert {path.stem for path in directory.glob("*.py")} - {"__init__"} == set(CHECKS)


def test_what_is_not_good_says_how_to_mend_it(patient: Patient) -> None:
    """Whatever the doctor finds comes with a command or a setting."""
    patient.write('[server]\nprofile = "production"\n[keys]\nmirror = "away"\n')
    found = [f for f in patient.report().findings if f.level != "good"]
    assert len(found) > 3
    assert [] == [finding for finding in found if not finding.mend]


def test_settings_that_cannot_be_read_are_a_finding(patient: Patient) -> None:
    """The settings are named, and the rest is not checked rather than good."""
    patient.write("[server]\nprot = 1\n")
    report = patient.report()
    first, *rest = report.findings
    assert ("settings.invalid", "bad") == (first.id, first.level)
    assert "prot" in first.what
    not_checked = {finding.check for finding in rest if finding.level == "unknown"}
    assert set(CHECKS) - {"clock", "versions", "model"} <= not_checked
    assert "model" in {finding.check for finding in rest}
    shown = [text for text, _ in lines(report)]
    assert 1 == sum("the settings cannot be read" in line for line in shown)
    assert 4 == report.exit_code


def test_no_deployment_at_all(tmp_path: Path) -> None:
    """An empty directory is examined like any other."""
    report = examine(tmp_path, environment={})
    assert {"keys.closed", "model.none", "policies.unreadable"} <= {f.id for f in report.findings}
    assert 4 == report.exit_code


def test_a_check_that_fails_or_hangs_is_not_good(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ends the examination, and neither passes; its error's text is not shown."""
    asleep = threading.Event()

    def fails(_subject: object) -> list[Finding]:
        raise RuntimeError("text with a secret")

    looks = {
        "fails": fails,
        "hangs": lambda _subject: asleep.wait(60) and [],
        "empty": lambda _subject: [],
        "fine": lambda _subject: [good("fine.yes", "yes")],
    }
    monkeypatch.setattr(
        examination, "import_module", lambda name: SimpleNamespace(look=looks[name.split(".")[-1]])
    )
    found = run(["fails", "empty", "fine"], patient.subject)
    assert ["fails.unchecked", "empty.unchecked", "fine.yes"] == [f.id for f in found]
    assert ["unknown", "unknown", "good"] == [finding.level for finding in found]
    assert "secret" not in str(found)
    [late] = run(["hangs"], patient.subject, limit=0.1)
    asleep.set()
    assert ("hangs.unchecked", "unknown") == (late.id, late.level)


def test_a_check_that_cannot_be_imported(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is missing leaves one check out and the others alone."""

    def broken(name: str) -> object:
        if name.endswith(".clock"):
            raise ImportError("no such library")
        return import_module(name)

    monkeypatch.setattr(examination, "import_module", broken)
    found = run(["clock", "disk"], patient.subject)
    assert "clock.unchecked" == found[0].id
    assert {"disk"} == {finding.check for finding in found[1:]}


def test_a_fresh_process_checks_everything(patient: Patient) -> None:
    """Nothing is imported yet, and checks that run side by side must not wait for each other."""
    command = [sys.executable, "-m", "gatehouse.cli", "doctor", "--json"]
    environment = {**os.environ, "GATEHOUSE_HOME": str(patient.home)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    said = json.loads(done.stdout)
    unchecked = [one for one in said["findings"] if one["id"].endswith(".unchecked")]
    assert [] == unchecked
    assert b"" == done.stderr


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([good("a", "a")], 0),
        ([good("a", "a"), unknown("b", "b")], 6),
        ([unknown("b", "b"), bad("c", "c", "mend")], 4),
        ([bad("c", "c", "mend"), bad("d", "d", "mend", altered=True)], 5),
    ],
)
def test_exit_codes(findings: list[Finding], code: int) -> None:
    """The gravest finding decides."""
    assert code == Report(0.0, "", tuple(findings)).exit_code


def test_json_has_a_stable_shape(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What evidence and scripts read; stdout is the document alone."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(patient.home))
    done = CliRunner().invoke(doctor, ["--json"], standalone_mode=False)
    said = json.loads(done.stdout)
    assert ["version", "made", "profile", "summary", "findings"] == list(said)
    assert (1, "development") == (said["version"], said["profile"])
    assert list(LEVELS) == list(said["summary"])
    assert len(said["findings"]) == sum(said["summary"].values())
    assert all(["check", "id", "level", "what", "mend"] == list(f) for f in said["findings"])


def test_the_terminal_shows_the_worst_first(patient: Patient) -> None:
    """What has to be mended stands above advice, with its command; what is well is one line."""
    patient.write('[server]\nprofile = "production"\n')
    shown = [text for text, _ in lines(patient.report())]
    marks = [line.strip()[0] for line in shown if line.strip()[:1] in ("✗", "?", "!", "✓")]
    assert marks == sorted(marks, key="✗?!✓".index)
    assert 1 == marks.count("✓")
    assert all(len(line) <= 100 for line in shown)
