"""`gatehouse audit show`."""

from __future__ import annotations

import json

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput


@click.command()
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="The entry exactly as it is in the log.")
def show(sequence: int, as_json: bool) -> None:
    """Show the entry SEQUENCE with all that it says."""
    from gatehouse.audit.tree import leaf_hash
    from gatehouse.runtime import open_runtime

    log = open_runtime(home_directory()).audit
    size = log.size()
    if sequence > size:
        raise InvalidInput(f"there is no entry {sequence}", f"the log has {size} entries")
    entry = log.entry(sequence)
    if as_json:
        click.echo(entry.body)
        return
    for name, value in sorted(entry.facts().items()):
        click.echo(f"{name:<14} {value if isinstance(value, str) else json.dumps(value)}")
    click.echo(f"{'leaf hash':<14} {leaf_hash(entry.body.encode()).hex()}")
