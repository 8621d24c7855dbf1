"""`gatehouse evidence verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.audit.note import Verifier
    from gatehouse.ops.evidence.bundle import Statement


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key",
    metavar="NAME+ID+KEY",
    help="The key of the log, as `gatehouse audit key` showed it on the first day.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(bundle: Path, key: str | None, as_json: bool) -> None:
    """Check that BUNDLE is whole, signed, and nothing else is in it.

    With --key no deployment is needed, so that an auditor can check it anywhere. Without it this
    deployment's own key is used, and its log has to have the entry that the bundle names.
    """
    from gatehouse.ops.evidence.bundle import open_bundle

    if key is not None:
        opened = open_bundle(bundle, [_verifier(key)])
        recorded = None
    else:
        from gatehouse.runtime import open_runtime

        runtime = open_runtime(home_directory())
        opened = open_bundle(bundle, runtime.checkpoints.trust.log)
        _require_recorded(runtime.audit, opened.statement)
        recorded = True
    statement = opened.statement
    told = {
        "log": statement.log,
        "made": statement.made,
        "entry": statement.entry,
        "sha256": statement.sums,
        "members": sorted(opened.members),
        "recorded": recorded,
    }
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"whole and signed by {statement.log}, made {statement.made}")
    click.echo(f"{len(opened.members)} files; SHA-256 of their list {statement.sums}")
    if recorded:
        click.echo(f"entry {statement.entry} of the audit log says the same")
    else:
        click.echo(f"note: entry {statement.entry} of the audit log should say the same", err=True)


def _verifier(key: str) -> Verifier:
    from gatehouse.audit.checkpoint import verifier_of

    try:
        return verifier_of(key)
    except ValueError as error:
        raise InvalidInput(f"--key: {error}", "`gatehouse audit key` shows it") from None


def _require_recorded(log: object, statement: Statement) -> None:
    """Raise `BundleForged` when the log does not say that it was made."""
    from gatehouse.audit import AuditLog, AuditTampered
    from gatehouse.ops.evidence.bundle import BundleForged

    assert isinstance(log, AuditLog)
    try:
        facts = log.entry(statement.entry).facts()
    except AuditTampered:
        facts = {}
    if facts.get("kind") != "evidence" or facts.get("bundle") != statement.sums:
        raise BundleForged(
            f"entry {statement.entry} of this log does not record the bundle",
            "is this the deployment that made it?",
        )
