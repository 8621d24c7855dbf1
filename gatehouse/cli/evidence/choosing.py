"""Which map and which requirements a command works on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.ops.evidence.mapping import EvidenceMap, Requirement

Command = Callable[..., None]


def map_option(command: Command) -> Command:
    """Adds `--map`."""
    return click.option(
        "--map",
        "directory",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="The directory of the map; the one of this Gatehouse without it.",
    )(command)


def choose_options(command: Command) -> Command:
    """Adds `--framework`, `--level` and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--level", type=click.IntRange(1, 3), help="Requirements of ASVS up to this level only."
        ),
        click.option("--framework", help="One of asvs, soc2, iso27001."),
    ):
        command = option(command)
    return command


def the_map(directory: Path | None) -> EvidenceMap:
    """The map to work on."""
    from gatehouse.ops.evidence.catalogue import full_map
    from gatehouse.ops.evidence.mapping import map_directory

    home = os.environ.get("GATEHOUSE_HOME")
    return full_map(directory or map_directory(Path(home) if home else None))


def chosen(
    evidence: EvidenceMap, framework: str | None, level: int | None
) -> Iterator[Requirement]:
    """The requirements that the options ask for; raises `InvalidInput` for an unknown framework."""
    known = [one.name for one in evidence.frameworks]
    if framework is not None and framework not in known:
        raise InvalidInput(f"unknown framework {framework!r}", f"known are {', '.join(known)}")
    for one in evidence.requirements:
        if framework in (None, one.framework) and (level is None or one.level <= level):
            yield one


def as_dict(one: Requirement) -> dict[str, Any]:
    """A requirement for JSON, without what it does not have."""
    from dataclasses import asdict

    return {name: value for name, value in asdict(one).items() if value not in ("", (), 0)}
