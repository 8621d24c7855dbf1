"""`gatehouse audit tail`."""

from __future__ import annotations

from collections import deque
from typing import Any

import click

from gatehouse.cli.audit.choosing import choosing_options, chosen
from gatehouse.cli.audit.lines import line
from gatehouse.cli.home import home_directory


@click.command()
@click.option(
    "--count",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the last entries.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
@choosing_options
def tail(count: int, as_json: bool, **options: Any) -> None:
    """Show the last entries, or the last of those that the options choose.

    A ~ after the time says that the clock of the machine was not known to be synchronised.
    """
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    log, wanted = runtime.audit, chosen(runtime, **options)
    first = max(0, log.size() - count) if wanted.is_empty else 0
    found = deque(wanted.apply(log.entries(first)), maxlen=count)
    for entry, body in found:
        click.echo(entry.body if as_json else line(entry.sequence, body))
    if not found:
        click.echo("note: no entry is like that", err=True)
