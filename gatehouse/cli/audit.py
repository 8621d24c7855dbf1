"""`gatehouse audit`: read and verify the audit log."""

from __future__ import annotations

import json
from collections import deque

import click

from gatehouse.cli.home import home_directory


@click.group()
def audit() -> None:
    """Read and verify the audit log."""


@audit.command()
@click.option("--count", default=20, show_default=True, help="How many of the last entries.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def tail(count: int, as_json: bool) -> None:
    """Show the last entries."""
    from gatehouse.runtime import open_runtime

    log = open_runtime(home_directory()).audit
    for entry in deque(log.entries(), maxlen=max(0, count)):
        click.echo(entry.body if as_json else _line(entry.sequence, json.loads(entry.body)))


@audit.command()
@click.option("--at-least", default=0, help="Entries known to have been written.")
@click.option("--json", "as_json", is_flag=True)
def verify(at_least: int, as_json: bool) -> None:
    """Verify that no entry was changed, dropped, inserted or swapped."""
    from gatehouse.audit import verify as verify_log
    from gatehouse.runtime import open_runtime

    report = verify_log(open_runtime(home_directory()).audit, at_least)
    if as_json:
        click.echo(json.dumps({"entries": report.entries, "head": report.head}))
    else:
        click.echo(f"{report.entries} entries, unbroken; last chain value {report.head[:16]}…")


def _line(sequence: int, body: dict[str, object]) -> str:
    at, kind = body.pop("at"), body.pop("kind")
    body.pop("version", None)
    facts = "  ".join(
        f"{name}={str(value)[:8] if name in ('person', 'conversation', 'revision') else value}"
        for name, value in sorted(body.items())
        if value not in ([], None)
    )
    return f"{sequence:>6}  {at}  {kind:<18}  {facts}"
