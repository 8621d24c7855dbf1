"""`gatehouse audit checkpoint`."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput, Unavailable


@click.command()
def checkpoint() -> None:
    """Sign a checkpoint of all entries, hand it to the witnesses and show it.

    The server does so by itself. Ends with 6 when a witness was away: the checkpoint is kept
    all the same, and shown.
    """
    from gatehouse.runtime import open_runtime

    checkpoints = open_runtime(home_directory()).checkpoints
    signed = checkpoints.make()
    if signed is None:
        raise InvalidInput("there is no entry yet")
    click.echo(signed.note, nl=False)
    away = [witness for witness in checkpoints.status().witnesses if witness.error]
    for witness in away:
        click.echo(f"note: witness {witness.name}: {witness.error}", err=True)
    if away:
        raise Unavailable(f"{len(away)} of the witnesses did not take the checkpoint")
