"""`gatehouse backup prune`: remove what the settings do not keep."""

from __future__ import annotations

import json

import click

from gatehouse.cli.backup.common import json_option, opened, progress


@click.command()
@click.option("--pretend", is_flag=True, help="Only say what would be removed.")
@json_option
def prune(pretend: bool, as_json: bool) -> None:
    """Remove old backups: all but the newest, and one a day, week and month (backup.keep_…).

    A backup that is removed stops opening wherever a copy of it lies. Nothing is removed unless one
    that stays was read back whole just before.
    """
    from gatehouse.backup.pruning import prune as run

    with opened() as (runtime, target), progress("check") as shown:
        done = run(runtime, target, shown, pretend=pretend)
    if as_json:
        facts = {"removed": done.removed, "kept": done.kept, "unfinished": done.unfinished}
        click.echo(json.dumps({**facts, "pretended": pretend}))
        return
    for one in done.removed:
        click.echo(one)
    verb = "would be removed" if pretend else "removed"
    click.echo(f"{len(done.removed)} {verb}, {len(done.kept)} kept", err=True)
