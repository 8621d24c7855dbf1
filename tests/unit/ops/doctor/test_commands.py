"""Every command and every setting that a finding names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from gatehouse.cli.main import gatehouse
from gatehouse.ops import doctor
from gatehouse.settings.loading import SECTIONS


def literals() -> Iterator[str]:
    """The text of every string in the checks, with what is filled in left out."""
    for path in sorted((Path(doctor.__file__).parent / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_commands_are_there() -> None:
    """`gatehouse …` in a finding can be typed."""
    commands = {text.split("#")[0].split(" --")[0].strip() for text in literals()}
    named = {text for text in commands if re.fullmatch(r"gatehouse( [a-z-]+)+", text)}
    assert len(named) > 12
    for text in sorted(named):
        command: click.Command = gatehouse
        for word in text.split()[1:]:
            assert isinstance(command, click.Group), text
            found = command.get_command(click.Context(command), word)
            assert found is not None, text
            command = found


def test_settings_are_there() -> None:
    """A line for gatehouse.toml names a section and a key that exist."""
    known = {f"{name}.{item.name}" for name, kind in SECTIONS.items() for item in fields(kind)}
    named = []
    for path in sorted((Path(doctor.__file__).parent / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "setting":
                key = node.args[0]
                if isinstance(key, ast.Constant):
                    named.append(key.value)
    assert len(named) > 8
    assert [] == [key for key in named if key not in known]
