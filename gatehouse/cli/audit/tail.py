"""`gatehouse audit tail`."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.audit.choosing import choosing_options, chosen
from gatehouse.cli.audit.lines import line
from gatehouse.cli.home import home_directory

if TYPE_CHECKING:
    from gatehouse.audit.log import AuditLog


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

    A line says what was decided; `gatehouse audit show` has everything that an entry says. A ~ after
    the time says that the clock of the machine was not known to be synchronised.
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
        for what in ("intent", "rule"):
            for remark in _unheard(log, what, options[f"{what}s"]):
                click.echo(f"note: {remark}", err=True)


def _unheard(log: AuditLog, what: str, names: tuple[str, ...]) -> Iterator[str]:
    """Names that no entry at all has: a slip of the pen must not look like a proof of absence."""
    if not names:
        return
    known = {str(body[what]) for entry in log.entries() if (body := entry.facts()).get(what)}
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, n=1)
        nearest = f"; the nearest one that occurs is {near[0]!r}" if near else ""
        yield f"no entry has the {what} {name!r}{nearest}"
