"""`gatehouse backup now`: one backup, read back before it counts."""

from __future__ import annotations

import json

import click

from gatehouse.cli.backup.common import facts_of, json_option, opened, progress, size, warn


@click.command()
@click.option("--new", is_flag=True, help="Begin at a place that was never used.")
@json_option
def now(new: bool, as_json: bool) -> None:
    """Make a backup now; the assistant goes on meanwhile.

    It is read back and opened before it counts. The keys are never in it: see `gatehouse keys mirror`.
    """
    from gatehouse.backup.making import make_backup, on_same_volume

    with opened() as (runtime, target):
        with progress("backup") as shown:
            manifest = make_backup(runtime, target, shown, new=new)
        same = on_same_volume(runtime, target)
        mirrored = bool(runtime.settings.keys.mirror)
        place = target.place
    if as_json:
        click.echo(json.dumps({**facts_of(manifest), "place": place, "same_volume": same}))
    else:
        click.echo(f"{manifest.id}  {size(manifest.size)}  {place}")
    if same:
        warn("the backups are on the volume of the databases and would be lost with it")
    if not mirrored:
        warn("the key ring has no mirror (keys.mirror): without the ring no backup opens")
