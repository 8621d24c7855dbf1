"""`gatehouse backup list`: which backups there are, and whether their keys are there."""

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
    size,
)

if TYPE_CHECKING:
    from gatehouse.backup.shelf import Found


@click.command("list")
@place_option
@json_option
def list_backups(place: str, as_json: bool) -> None:
    """Every backup, oldest first: name, time, size, versions, and what is wrong with it.

    Reads manifests only; `gatehouse backup verify` opens a backup. Exit code 5 when a manifest is not
    what was written, or when a later backup was made and is gone.
    """
    from gatehouse.backup.errors import BackupDamaged
    from gatehouse.backup.shelf import Shelf

    with opened(place) as (runtime, target):
        shelf = Shelf(target, runtime.ring)
        shelf.require_marked()
        found = shelf.all()
        if as_json:
            click.echo(json.dumps([_facts(one) for one in found], indent=2))
        else:
            for one in found:
                click.echo(_line(one))
        if not found:
            click.echo("no backups", err=True)
            return
        if any(one.manifest is not None for one in found):
            latest(shelf, lenient=bool(place))
    wrong = sum(one.problem is not None for one in found)
    if wrong:
        raise BackupDamaged(
            f"{wrong} of {len(found)} backups are not what was written",
            "find out who can write to that place; the others can be used",
        )


def _facts(one: Found) -> dict[str, object]:
    if one.manifest is None:
        return {"id": one.id, "state": _state(one)}
    return {**facts_of(one.manifest), "state": _state(one)}


def _line(one: Found) -> str:
    from gatehouse.clock import as_iso

    if one.manifest is None:
        return f"{one.id}  {_state(one)}"
    made = one.manifest
    parts = ",".join(part.name for part in made.parts)
    return (
        f"{one.id}  {as_iso(made.made_at)[:19]}Z  {size(made.size):>10}  {parts}  "
        f"revision {made.migration}  {_state(one)}"
    )


def _state(one: Found) -> str:
    if one.problem is not None:
        return one.problem.message.removeprefix(f"{one.id}: ")
    return "its key is there" if one.has_key else "its key is gone"
