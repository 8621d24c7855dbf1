"""`gatehouse backup verify`: read a backup and open every byte of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gatehouse.cli.backup.common import (
    facts_of,
    json_option,
    latest,
    opened,
    place_option,
    progress,
)

if TYPE_CHECKING:
    from gatehouse.backup.manifest import Manifest


@click.command()
@click.argument("backup", required=False)
@click.option("--all", "every", is_flag=True, help="Every backup, not only the newest.")
@place_option
@json_option
def verify(backup: str | None, every: bool, place: str, as_json: bool) -> None:
    """Check signature, hashes and every sealed byte of BACKUP, or of the newest one.

    Exit code 5 when it is not what was written, its key is gone, or a later one was made and is gone.
    Whether it works is what `gatehouse backup drill` says.
    """
    from gatehouse.backup import status
    from gatehouse.backup.errors import BackupDamaged, BackupForeign, BackupKeyMissing
    from gatehouse.backup.shelf import Shelf

    damaged: list[str] = []
    with opened(place) as (runtime, target):
        shelf = Shelf(target, runtime.ring)
        shelf.require_marked()
        names = [one.id for one in shelf.all()] if every else []
        wanted = names or [backup or latest(shelf, lenient=bool(place))]
        for one in wanted:
            try:
                manifest = shelf.manifest(one)
                with progress(one, sum(part.plain_size for part in manifest.parts)) as shown:
                    shelf.verify(manifest, shown)
            except (BackupDamaged, BackupForeign, BackupKeyMissing) as error:
                if not every:
                    raise
                damaged.append(one)
                _say(one, None, error.message.removeprefix(f"{one}: "), as_json)
                continue
            _say(one, manifest, f"whole: {len(manifest.parts)} parts open", as_json)
        if damaged:
            raise BackupDamaged(
                f"{len(damaged)} of {len(wanted)} backups are not what was written", *_OTHERS
            )
        if every:
            latest(shelf, lenient=bool(place))
        if not place:
            status.note(runtime.settings, last_verified_at=runtime.clock.now())


_OTHERS = ("find out who can write to that place; the others can be used",)


def _say(backup: str, manifest: Manifest | None, state: str, as_json: bool) -> None:
    if not as_json:
        click.echo(f"{backup}  {state}")
        return
    facts = facts_of(manifest) if manifest is not None else {"id": backup}
    click.echo(json.dumps({**facts, "state": "whole" if manifest is not None else state}))
