"""`gatehouse backup`: make, look at, check, try, put back and remove backups."""

from __future__ import annotations

import click

from gatehouse.cli.backup.drill import drill
from gatehouse.cli.backup.listing import list_backups
from gatehouse.cli.backup.now import now
from gatehouse.cli.backup.prune import prune
from gatehouse.cli.backup.restore import restore
from gatehouse.cli.backup.verify import verify


@click.group()
def backup() -> None:
    """Sealed backups at a second place; they never hold the keys."""


for command in (now, list_backups, verify, drill, restore, prune):
    backup.add_command(command)
