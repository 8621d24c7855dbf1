"""The home directory of the deployment a command works on."""

from __future__ import annotations

import os
from pathlib import Path

from gatehouse.errors import NotReady

# Any of them. The rules alone would not do: when they are gone, a deployment still serves those that
# it kept, and its operator needs every command.
SIGNS = ("policies", "gatehouse.toml", "var/policy", "var/keys")


def home_directory() -> Path:
    """`GATEHOUSE_HOME`, or the current directory, when it holds a Gatehouse project."""
    named = os.environ.get("GATEHOUSE_HOME")
    home = Path(named) if named else Path.cwd()
    if not any((home / sign).exists() for sign in SIGNS):
        raise NotReady(
            f"{home} is not a Gatehouse project: it has neither policies/ nor gatehouse.toml",
            "change to the project's directory or set GATEHOUSE_HOME",
        )
    return home.resolve()
