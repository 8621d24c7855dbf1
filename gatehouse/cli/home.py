"""The home directory of the deployment a command works on."""

from __future__ import annotations

import os
from pathlib import Path

from gatehouse.errors import NotReady


def home_directory() -> Path:
    """`GATEHOUSE_HOME`, or the current directory when it holds a Gatehouse project."""
    named = os.environ.get("GATEHOUSE_HOME")
    home = Path(named) if named else Path.cwd()
    if not (home / "policies").is_dir():
        raise NotReady(
            f"{home} is not a Gatehouse project: it has no policies/",
            "change to the project's directory or set GATEHOUSE_HOME",
        )
    return home.resolve()
