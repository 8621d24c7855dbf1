"""`gatehouse policy`: check, show and explain the policies, one module for each command.

A command's module is imported when it is asked for, so that help answers at once. Everything but
what its help says otherwise works on files alone: no database, no keys, no framework.
"""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "check": "Check the policy files and run the policy tests.",
    "matrix": "Show who may ask what.",
    "diff": "Show which decisions an edit changes.",
    "new": "Start a rule.",
    "report": "Make the page that is signed.",
    "schema": "Write the schemas with which an editor completes policy files.",
    "replay": "Show which recorded decisions would be different.",
    "explain": "Show why a request is decided as it is.",
    "status": "Show what is in force and what waits.",
    "propose": "Put your name to an edit that waits.",
    "approve": "Let an edit of somebody else take effect.",
}


class _Commands(click.Group):
    """The commands by name; `gatehouse.cli.policy.<name>` holds the command `<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gatehouse.cli.policy.{cmd_name}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands)
def policy() -> None:
    """Check, show and explain the policies."""
