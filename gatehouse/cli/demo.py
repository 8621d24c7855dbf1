"""`gatehouse demo`: the demonstration's accounts and codes."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.group()
def demo() -> None:
    """Accounts and codes of the demonstration."""


@demo.command()
@click.argument("username")
def code(username: str) -> None:
    """Show the current authenticator code of a demo account."""
    from gatehouse.clock import SystemClock
    from gatehouse.ops.demo import current_code
    from gatehouse.settings import load_settings

    value, seconds = current_code(load_settings(home_directory()), username, SystemClock())
    click.echo(f"{value[:3]} {value[3:]}")
    click.echo(f"valid for another {seconds} s; each code works once", err=True)
