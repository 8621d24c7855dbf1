"""`gatehouse audit verify`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.cli.home import home_directory

if TYPE_CHECKING:
    from gatehouse.audit import Kept, VerifyReport
    from gatehouse.runtime import Runtime

_LONG = 50_000  # entries from which on it is worth to show how far it is


@click.command()
@click.option("--at-least", default=0, help="Entries known to have been written.")
@click.option(
    "--checkpoints",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A witness file or a checkpoint that was kept elsewhere; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True)
def verify(at_least: int, files: tuple[Path, ...], as_json: bool) -> None:
    """Verify that no entry was changed, dropped, inserted or swapped.

    Recomputes chain and tree from the entries and compares them with every checkpoint: those in the
    database, those of the witness file, and those of --checkpoints.
    """
    from gatehouse.audit import verify as verify_log
    from gatehouse.audit.deployment import counted_starts, open_anchor
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    runtime.checkpoints.require_whole()
    counted = counted_starts(open_anchor(runtime.settings, runtime.ring))  # before the entries
    size = runtime.audit.size()
    hidden = size < _LONG or not sys.stderr.isatty()
    with click.progressbar(length=size, label="verifying", file=sys.stderr, hidden=hidden) as bar:
        report = verify_log(
            runtime.audit,
            at_least,
            trust=runtime.checkpoints.trust,
            kept=_kept(runtime, files),
            progress=bar.update,
        )
    runtime.checkpoints.require_kept()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "entries": report.entries,
                    "head": report.head,
                    "root": report.root,
                    "checkpoints": report.checkpoints,
                    "checkpointed": report.checkpointed,
                    "witnessed": report.witnessed,
                }
            )
        )
    else:
        click.echo(f"{report.entries} entries, unbroken; root {report.root}")
        click.echo(
            f"{report.checkpointed} of them under {report.checkpoints} checkpoints, "
            f"{report.witnessed} witnessed"
        )
    for remark in [*_elsewhere(counted, report), *_remarks(runtime, report)]:
        click.echo(f"note: {remark}", err=True)


def _kept(runtime: Runtime, files: tuple[Path, ...]) -> list[Kept]:
    from gatehouse.audit import Kept
    from gatehouse.audit.witness import notes_of

    found = [Kept(str(path), _notes(path), is_witness=True) for path in files]
    name = runtime.settings.audit.witness_file
    path = runtime.settings.path(name) if name else None
    if path is not None and path.exists():
        found.append(Kept("the witness file", notes_of(path), is_witness=True))
    return found


def _notes(path: Path) -> list[str]:
    """A single checkpoint as text, or the lines of a witness file."""
    from gatehouse.audit.witness import notes_of

    if path.read_bytes()[:1] == b"{":
        return list(notes_of(path))
    return [path.read_text(encoding="utf-8", errors="replace")]


def _elsewhere(counted: dict[str, int], report: VerifyReport) -> list[str]:
    """Starts that the anchor counted and this log does not have."""
    return [
        f"{missing} start(s) of the server are not in this log: it was called {name!r} and was "
        "elsewhere, or the entries are lost"
        for name, number in sorted(counted.items())
        if (missing := number - report.starts.get(name, 0)) > 0
    ]


def _remarks(runtime: Runtime, report: VerifyReport) -> list[str]:
    """What a good result does not say by itself."""
    audit, found = runtime.settings.audit, []
    if report.entries > report.checkpointed:
        newest = report.entries - report.checkpointed
        found.append(f"the newest {newest} rest on the chain alone until the next checkpoint")
    if not audit.witness_file and not audit.witness_url:
        found.append("there is no witness: who holds database and keys could rewrite everything")
    elif gone := _witness_gone(runtime):
        found.append(
            f"{gone}; until it is back nothing vouches against who holds database and keys"
        )
    elif report.witnessed < report.checkpointed:
        found.append(
            f"witnesses vouch for {report.witnessed} entries only; is one of them away? "
            "`gatehouse audit checkpoint` hands them the newest checkpoint"
        )
    if audit.witness_file and not audit.witness_url and _same_volume(runtime):
        found.append(
            "the witness file is on the volume of the database; audit.witness_file on another one "
            "protects against who owns this one"
        )
    return found


def _witness_gone(runtime: Runtime) -> str:
    """What is wrong with the place of the witness file, or ""."""
    from gatehouse.audit.deployment import open_anchor
    from gatehouse.audit.witness import FileWitness, WitnessUnavailable

    settings = runtime.settings
    if not settings.audit.witness_file:
        return ""
    path, anchor = settings.path(settings.audit.witness_file), open_anchor(settings, runtime.ring)
    try:
        FileWitness(path, runtime.checkpoints.trust, runtime.clock, anchor).require_there()
    except WitnessUnavailable as error:
        return error.message
    return ""


def _same_volume(runtime: Runtime) -> bool:
    database = runtime.audit.engine.url.database
    if runtime.audit.engine.dialect.name != "sqlite" or not database:
        return False
    witness = runtime.settings.path(runtime.settings.audit.witness_file)
    try:
        return os.stat(database).st_dev == os.stat(witness).st_dev
    except OSError:
        return False
