"""`gatehouse init`: what a deployment needs before its first start."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.command()
@click.option("--demo", is_flag=True, help="Also make the demonstration's people and records.")
def init(demo: bool) -> None:
    """Make keys, local certificate authority and databases; safe to run again."""
    from gatehouse.ops.initialise import initialise

    for line in initialise(home_directory(), demo=demo):
        click.echo(line)
