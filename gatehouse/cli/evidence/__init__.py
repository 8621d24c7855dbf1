"""`gatehouse evidence`: what is claimed, what shows it, and one signed file for an auditor.

One module for each command, imported when it is asked for. `map`, `gaps` and `check` need no
deployment, `verify` only a key.
"""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "collect": "Look at this deployment and write one signed bundle.",
    "verify": "Check that a bundle is what was signed.",
    "map": "Show what is claimed for each requirement.",
    "gaps": "Show what is not met and what is left to do.",
    "check": "Hold the claims against the code and the results of the tests.",
}


class _Commands(click.Group):
    """The commands by name; `gatehouse.cli.evidence.<name>` holds the command `<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"gatehouse.cli.evidence.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands)
def evidence() -> None:
    """Evidence for auditors, for OWASP ASVS, SOC 2 and ISO/IEC 27001; no claim of compliance."""
