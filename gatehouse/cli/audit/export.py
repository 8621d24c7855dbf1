"""`gatehouse audit export`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from gatehouse.cli.audit.choosing import choosing_options, chosen
from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput

FORMATS = ("jsonl", "ocsf", "cef")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write to.")
@choosing_options
def export(form: str, out: Path | None, **options: Any) -> None:
    """Write entries as JSON lines, OCSF 1.8 events or CEF, one a line.

    A whole export as JSON lines is what the stand-alone verifier reads. OCSF events carry the entry
    itself as raw_data.
    """
    from gatehouse.audit.export import FORMATS as WRITERS
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    wanted = chosen(runtime, **options)
    write, origin, count = WRITERS[form], runtime.checkpoints.trust.origin, 0
    with _target(out) as file:
        for entry, body in wanted.apply(runtime.audit.entries()):
            file.write(write(entry, body, origin) + "\n")
            count += 1
    click.echo(f"{count} entries written" + (f" to {out}" if out else ""), err=True)


@contextmanager
def _target(out: Path | None) -> Iterator[IO[str]]:
    """stdout, or a file that appears only when it is complete."""
    if out is None:
        yield sys.stdout
        return
    new = out.with_name(out.name + ".new")
    try:
        with open(new, "w", encoding="utf-8", opener=_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, out)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written ({error.strerror})") from error
    finally:
        new.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
