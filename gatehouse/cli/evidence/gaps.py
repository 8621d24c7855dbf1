"""`gatehouse evidence gaps`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gatehouse.cli.evidence.choosing import as_dict, choose_options, chosen, map_option, the_map


@click.command()
@click.option("--customer", is_flag=True, help="Also what whoever runs Gatehouse has to do.")
@map_option
@choose_options
def gaps(
    customer: bool, directory: Path | None, framework: str | None, level: int | None, as_json: bool
) -> None:
    """Show every requirement that is not met or only partly, with what is missing."""
    found = [
        one
        for one in chosen(the_map(directory), framework, level)
        if one.gap or (customer and one.customer)
    ]
    if as_json:
        click.echo(json.dumps([as_dict(one) for one in found], indent=1, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one.framework} {one.id}  {one.status.replace('_', ' ')}")
        if one.gap:
            click.echo(f"    {one.gap}")
        if customer and one.customer:
            click.echo(f"    customer: {one.customer}")
