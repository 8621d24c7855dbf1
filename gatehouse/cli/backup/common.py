"""What the commands of `gatehouse backup` share: the deployment, the place, and a progress bar.

The bar goes to stderr and only to a terminal. Nothing here prints a key or takes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory

if TYPE_CHECKING:
    from gatehouse.backup.deployment import Progress
    from gatehouse.backup.shelf import Shelf
    from gatehouse.backup.targets import Target
    from gatehouse.runtime import Runtime

place_option = click.option(
    "--place", default="", help="Another place than backup.target, such as a copy of it."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@contextmanager
def opened(place: str = "") -> Iterator[tuple[Runtime, Target]]:
    """The deployment and the place of its backups."""
    from gatehouse.backup.targets import open_target
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    try:
        yield runtime, open_target(runtime.settings, place)
    finally:
        runtime.close()


def latest(shelf: Shelf, *, lenient: bool) -> str:
    """The newest backup at the place, when it is the latest that was made.

    A later one that is not there is an error, and with `lenient` (a copy that lags) a warning.
    Raises `NotReady` when there is none, `BackupMissing`.
    """
    from gatehouse.backup.errors import BackupMissing

    newest = shelf.newest()
    try:
        shelf.require_latest(newest)
    except BackupMissing as error:
        if not lenient:
            raise
        warn(error.message)
    return newest


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Progress]:
    """Shows how many bytes were done, and of what; of `total` when that is known."""
    if not sys.stderr.isatty():
        yield lambda _what, _done: None
        return
    if total is not None:
        with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
            yield lambda _what, done: bar.update(done)
        return
    seen: dict[str, int] = {}

    def show(what: str, done: int) -> None:
        seen[what] = seen.get(what, 0) + done
        click.echo(f"\r\x1b[K{label}: {what} {size(seen[what])}", nl=False, err=True)

    try:
        yield show
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def size(number: int) -> str:
    """Bytes as people read them."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def warn(text: str) -> None:
    """A warning on stderr."""
    click.echo(f"warning: {text}", err=True)


def facts_of(manifest: Any) -> dict[str, Any]:
    """What a manifest says, for `--json`."""
    from gatehouse.clock import as_iso

    return {
        "id": manifest.id,
        "made_at": as_iso(manifest.made_at),
        "bytes": manifest.size,
        "parts": [part.name for part in manifest.parts],
        "product": manifest.product,
        "migration": manifest.migration,
        "policy_revision": manifest.policy_revision,
        "audit_entries": manifest.audit_entries,
    }
