"""The guide for people who write policies: every edit and every output of it, as printed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.cli.policy import policy
from gatehouse.errors import GatehouseError

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
CHANGES = {
    part.partition("\n")[0]: part
    for part in re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    if re.match(r"\d+\. ", part)
}
# 25 November 2026: a preview shows what changes from then on, and the guide has rules with dates.
WRITTEN = 1_795_597_200.0
_found: dict[str, str] = {}


def apply(draft: Path, how: str, text: str) -> None:
    """Do to a file of the draft what the guide says: add, uncomment, or find and write."""
    action, name = how.split()
    path = draft / name
    before = path.read_text(encoding="utf-8")
    if action == "add":
        path.write_text(f"{before.rstrip()}\n\n{text}", encoding="utf-8")
    elif action == "uncomment":
        commented = "".join(f"  # {line.removeprefix('  ')}" for line in text.splitlines(True))
        assert 1 == before.count(commented), how
        path.write_text(before.replace(commented, text), encoding="utf-8")
    elif action == "find":
        assert 1 == before.count(text), how
        _found[name] = text
    else:
        assert "write" == action
        path.write_text(before.replace(_found.pop(name), text), encoding="utf-8")


def run_command(line: str) -> str:
    """What a person sees in the terminal."""
    words = shlex.split(line)
    assert ["gatehouse", "policy"] == words[:2]
    result = CliRunner().invoke(policy, words[2:])
    if isinstance(result.exception, GatehouseError):
        return result.output + result.exception.diagnostics() + "\n"
    assert result.exception is None, result.exception
    return result.output


def looks_like(expected: str) -> re.Pattern[str]:
    """A pattern for printed output: `…` alone on a line stands for any lines, else for any text."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


@pytest.fixture
def draft(tmp_path, monkeypatch) -> Path:
    """A project with the shipped policies, and a copy of them to work on."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shutil.copytree(ROOT / "policies", tmp_path / "draft")
    shutil.copy(ROOT / "domain.yml", tmp_path)
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gatehouse.clock.SystemClock.now", lambda self: WRITTEN)
    return tmp_path / "draft"


def test_there_are_ten_changes():
    """Numbered from one, and each with the edit, the check, the preview and the effect."""
    assert [str(number) for number in range(1, 11)] == [name.split(".")[0] for name in CHANGES]
    for part in CHANGES.values():
        for step in ("**The edit.**", "**The check.**", "**The preview.**", "**The effect.**"):
            assert 1 == part.count(step)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_works_as_it_is_printed(draft, change):
    """The edits can be made, and every command answers what the guide shows."""
    _found.clear()
    for kind, how, text in BLOCK.findall(CHANGES[change]):
        if kind == "yaml":
            apply(draft, how, text)
            continue
        assert "console" == kind
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, expected = part.partition("\n")
            shown = run_command(line)
            assert looks_like(expected).fullmatch(shown), f"$ {line}\n{shown}"


def test_every_command_of_the_guide_exists():
    """Also those that are only mentioned."""
    from gatehouse.cli.policy import COMMANDS

    named = set(re.findall(r"gatehouse policy (\w+)", GUIDE))
    assert set() == named - COMMANDS.keys()
    assert {"check", "matrix", "diff", "replay", "explain", "schema", "report", "new"} <= named
