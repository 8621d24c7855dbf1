"""`gatehouse backup verify`: read a backup and open every byte of it."""

from __future__ import annotations

import json

import click

from gatehouse.cli.backup.common import facts_of, json_option, opened, place_option, progress


@click.command()
@click.argument("backup", required=False)
@click.option("--all", "every", is_flag=True, help="Every backup, not only the newest.")
@place_option
@json_option
def verify(backup: str | None, every: bool, place: str, as_json: bool) -> None:
    """Check signature, hashes and every sealed byte of BACKUP, or of the newest one.

    Exit code 5 when it is not what was written or its key is gone. Whether it works is what
    `gatehouse backup drill` says.
    """
    from gatehouse.backup import status
    from gatehouse.backup.shelf import Shelf

    with opened(place) as (runtime, target):
        shelf = Shelf(target, runtime.ring)
        shelf.require_marked()
        wanted = shelf.ids() if every else [backup or shelf.newest()]
        for one in wanted:
            manifest = shelf.manifest(one)
            with progress(one, sum(part.plain_size for part in manifest.parts)) as shown:
                shelf.verify(manifest, shown)
            if as_json:
                click.echo(json.dumps({**facts_of(manifest), "state": "whole"}))
            else:
                click.echo(f"{one}  whole: {len(manifest.parts)} parts open")
        if not place:
            status.note(runtime.settings, last_verified_at=runtime.clock.now())
