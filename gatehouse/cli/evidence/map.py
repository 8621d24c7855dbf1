"""`gatehouse evidence map`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gatehouse.cli.evidence.choosing import as_dict, choose_options, chosen, map_option, the_map
from gatehouse.errors import InvalidInput


@click.command()
@click.argument("ids", nargs=-1)
@map_option
@choose_options
def map(
    ids: tuple[str, ...],
    directory: Path | None,
    framework: str | None,
    level: int | None,
    as_json: bool,
) -> None:
    """Show the claims, all of them or those of IDS (such as v5.0.0-6.2.1, CC6.1, A.8.24)."""
    found = list(chosen(the_map(directory), framework, level))
    unknown = sorted(set(ids) - {one.id for one in found})
    if unknown:
        raise InvalidInput(f"the map has no requirement {unknown[0]!r}")
    found = [one for one in found if not ids or one.id in ids]
    if as_json:
        click.echo(json.dumps([as_dict(one) for one in found], indent=1, ensure_ascii=False))
        return
    for one in found:
        level_ = f", level {one.level}" if one.level else ""
        click.echo(f"{one.id}  {one.status.replace('_', ' ')}{level_}")
        if not ids:
            continue
        for word, value in (
            ("", one.how), ("does not apply: ", one.why), ("not met: ", one.gap),
            ("customer: ", one.customer), ("where: ", ", ".join(one.where)),
            ("tests: ", ", ".join(one.tests)), ("settings: ", ", ".join(one.settings)),
            ("self-tests: ", ", ".join(one.selftests)), ("live: ", ", ".join(one.live)),
        ):  # fmt: skip
            if value:
                click.echo(f"    {word}{value}")
