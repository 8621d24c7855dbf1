"""`gatehouse audit`: read, verify, prove and export the audit log, one module for each command.

A command's module is imported when it is asked for, so that help answers at once. Nothing here can
change an entry; only `checkpoint` adds something, a signed checkpoint.
"""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "tail": "Show the last entries.",
    "show": "Show one entry.",
    "verify": "Verify that no entry was changed, dropped, inserted or swapped.",
    "prove": "Write a proof that one entry is in the log, to be checked offline.",
    "export": "Write entries as JSON lines, OCSF or CEF.",
    "checkpoint": "Sign a checkpoint now and hand it to the witnesses.",
    "key": "Show the keys that an auditor needs.",
    "verifier": "Show the verifier that works without Gatehouse.",
    "database-sql": "Show what prepares a PostgreSQL database for the log.",
}


class _Commands(click.Group):
    """The commands by name; `gatehouse.cli.audit.<name>` holds the command `<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"gatehouse.cli.audit.{name}"), name)
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands)
def audit() -> None:
    """Read, verify, prove and export the audit log."""
