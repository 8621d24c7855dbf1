"""A deployment that is well, in which a test plants one fault."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.clock import SystemClock
from gatehouse.ops.doctor import Finding, Report, examine
from gatehouse.ops.doctor.examination import run
from gatehouse.ops.doctor.subject import Subject
from gatehouse.ops.initialise import initialise
from gatehouse.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parents[4]
FILES = ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised home directory, made once and copied."""
    home = tmp_path_factory.mktemp("doctor") / "home"
    home.mkdir()
    for name in FILES:
        shutil.copy(PROJECT / name, home / name)
    shutil.copytree(PROJECT / "policies", home / "policies")
    for path in (home, *home.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o022)
    list(initialise(home))
    return home


class Patient:
    """A deployment, the settings it is given and what the doctor says of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = SystemClock()
        self.environment: dict[str, str] = {}

    def write(self, text: str) -> None:
        """The whole gatehouse.toml."""
        (self.home / "gatehouse.toml").write_text(text, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return load_settings(self.home, self.environment)

    @property
    def subject(self) -> Subject:
        return Subject(self.home, self.settings, self.environment, self.clock)

    def look(self, check: str) -> list[Finding]:
        """What one check finds."""
        return run([check], self.subject)

    def ids(self, check: str) -> list[str]:
        """What one check finds that is not good."""
        return [finding.id for finding in self.look(check) if finding.level != "good"]

    def found(self, id: str) -> Finding:
        """The finding with this id, which has to be there."""
        findings = self.look(id.partition(".")[0])
        [one] = [finding for finding in findings if finding.id == id]
        return one

    def report(self) -> Report:
        return examine(self.home, environment=self.environment)

    def shell(self, command: str) -> None:
        """Run what a finding says, in the home directory."""
        done = subprocess.run(command, shell=True, cwd=self.home, capture_output=True, check=False)
        assert 0 == done.returncode, done.stderr

    def gatehouse(self, command: str) -> None:
        """Run what a finding says, if it is a command of ours."""
        from gatehouse.cli.main import gatehouse

        program, *arguments = command.split()
        assert "gatehouse" == program
        environment = {"GATEHOUSE_HOME": str(self.home), **self.environment}
        done = CliRunner().invoke(gatehouse, arguments, env=environment)
        assert 0 == done.exit_code, done.output


@pytest.fixture
def patient(template: Path, tmp_path: Path) -> Iterator[Patient]:
    home = tmp_path / "home"
    shutil.copytree(template, home)
    yield Patient(home)
