"""The example of docs/developing.md is built in a copy of the project, as it is printed.

That its rules hold is seen here; training and talking take a while and are in tests/outside.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "developing.md").read_text(encoding="utf-8")
PIECES = re.findall(
    r"^(New|Added): `([\w/.]+)`\n\n```\w+\n(.*?)```$", GUIDE, re.DOTALL | re.MULTILINE
)
SMALL = ("concepts", "conversation", "entities", "leave", "parking")
"""The phrases that the copy is trained with: enough to tell the example from something else."""

GATEHOUSE = str(Path(sys.executable).with_name("gatehouse"))

yaml = YAML()
yaml.width = 200


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the pieces of the guide in it."""
    home = tmp_path_factory.mktemp("guide")
    unused = shutil.ignore_patterns("__pycache__")
    for name in ("actions", "data", "policies", "tests/unit/actions"):
        shutil.copytree(ROOT / name, home / name, ignore=unused)
    for name in ("config.yml", "domain.yml", "credentials.yml", "endpoints.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, home / name)
    for name in ("tests/__init__.py", "tests/rasa_import.py", "tests/unit/__init__.py"):
        shutil.copy(ROOT / name, home / name)
    for kind, name, text in PIECES:
        path = home / name
        if kind == "New":
            assert not (ROOT / name).exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif path.suffix == ".yml":
            merged = _merged(yaml.load(path.read_text("utf-8")), yaml.load(text))
            with path.open("w", encoding="utf-8") as stream:
                yaml.dump(merged, stream)
        else:
            source = path.read_text("utf-8").replace("TITLES = {\n", "TITLES = {\n" + text)
            path.write_text(source, encoding="utf-8")
    for path in (home / "data" / "nlu").glob("*.yml"):
        if path.stem not in SMALL:
            path.unlink()
    return home


def _merged(whole: Any, part: Any) -> Any:
    for name, value in part.items():
        if isinstance(value, list):
            whole[name].extend(value)
        else:
            whole[name].update(value)
    return whole


def ran(home: Path, *command: str) -> str:
    environment = {**os.environ, "GATEHOUSE_HOME": str(home), "PYTHONPATH": str(home)}
    done = subprocess.run(
        command,
        cwd=home, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_piece_is_there() -> None:
    """The guide has what its headings promise; a fence that is not read would not be tested."""
    fences = len(re.findall(r"^```(?:yaml|python)$", GUIDE, re.MULTILINE))
    assert fences == len(PIECES) == 11


def test_the_rules_hold(built: Path) -> None:
    """The policies with the new request pass their check and tests."""
    assert "ok: " in ran(built, GATEHOUSE, "policy", "check")
