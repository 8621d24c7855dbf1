"""The tiny project's model, made once, for the tests of the plain command line.

The commands run as a person would type them, in processes of their own: what these tests are about
happens when an interpreter starts.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tiny_project import BIN, Command, environment, write_project


@pytest.fixture(scope="session")
def rasa(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `rasa …` in a directory and returns what it said."""
    home = tmp_path_factory.mktemp("home")

    def run(directory: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "rasa", *arguments],
            cwd=directory,
            env=environment(home),
            input=said,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, rasa: Command) -> Path:
    """The tiny project with a model made by the plain `rasa train`."""
    directory = write_project(tmp_path_factory.mktemp("project"))
    result = rasa(directory, "train", "--fixed-model-name", "tiny")
    assert (directory / "models" / "tiny.tar.gz").is_file(), result.stdout + result.stderr
    return directory
