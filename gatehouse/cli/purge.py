"""`gatehouse purge`: remove what has expired, for cron; the server does it by itself as well."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.command()
def purge() -> None:
    """Destroy expired keys and delete the rows that they opened."""
    from gatehouse.runtime import open_runtime

    result = open_runtime(home_directory()).purge()
    click.echo(f"{result.conversations} conversations purged")
