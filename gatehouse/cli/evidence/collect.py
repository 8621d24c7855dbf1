"""`gatehouse evidence collect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.cli.evidence.choosing import map_option
from gatehouse.cli.home import home_directory
from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    from gatehouse.ops.evidence.assessment import Assessment
    from gatehouse.ops.evidence.outcomes import Outcomes

_file = click.Path(path_type=Path, dir_okay=False)


class SomethingWrong(GatehouseError):
    """The bundle was written, and shows that something is not as it should be."""

    exit_code = 4


@click.command()
@click.option(
    "--out", type=_file, help="The bundle; evidence-TIME.zip in this directory without it."
)
@click.option(
    "--results",
    multiple=True,
    type=_file,
    help="A file of results that a test run of this very code wrote; may be repeated.",
)
@click.option("--selftest", type=_file, help="The report of `gatehouse selftest`.")
@click.option(
    "--audit",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory in which `make audit` left bill of materials and advisories.",
)
@map_option
def collect(
    out: Path | None,
    results: tuple[Path, ...],
    selftest: Path | None,
    audit: Path | None,
    directory: Path | None,
) -> None:
    """Look at this deployment and write one signed bundle for an auditor.

    It holds a front page, every claim with its results, OSCAL and CSV. What could not be looked at is
    named with the reason. It names no person. Exit code 4: written, but something was found wrong.
    """
    from gatehouse.clock import as_datetime
    from gatehouse.ops.evidence.catalogue import full_map
    from gatehouse.ops.evidence.collecting import collect as make
    from gatehouse.ops.evidence.collecting import require_databases
    from gatehouse.ops.evidence.live import LOOKS, Asked
    from gatehouse.ops.evidence.mapping import map_directory
    from gatehouse.runtime import open_runtime
    from gatehouse.settings import load_settings

    home = home_directory()
    evidence = full_map(directory or map_directory(home))
    outcomes, absent = _outcomes(results)
    require_databases(load_settings(home))
    runtime = open_runtime(home)
    try:
        time = as_datetime(runtime.clock.now())
        path = (out or Path(f"evidence-{time:%Y%m%dT%H%M%SZ}.zip")).absolute()
        asked = Asked(runtime, outcomes, absent, selftest, audit)
        hidden = not sys.stderr.isatty()
        with click.progressbar(
            length=len(LOOKS), label="looking", file=sys.stderr, hidden=hidden
        ) as bar:
            found = make(asked, evidence, path, lambda name: bar.update(1))
    finally:
        runtime.close()
    _tell(found, path)


def _outcomes(results: tuple[Path, ...]) -> tuple[Outcomes, str]:
    """The results of the tests, or none and why. A file that was named has to be good."""
    from gatehouse.errors import NotReady
    from gatehouse.ops.evidence.outcomes import PACKAGE, Outcomes, read_outcomes

    if results:
        return read_outcomes(results), ""
    found = sorted((PACKAGE.parent / "build" / "results").glob("*.json"))
    if not found:
        return Outcomes(), "no results of tests are here; `make test` writes them"
    try:
        return read_outcomes(found), ""
    except NotReady:
        return Outcomes(), "the results of tests that are here belong to other code than this"


def _tell(found: Assessment, path: Path) -> None:
    click.echo(str(path))
    for one in found.live:
        remark = f": {one.why}" if one.why else ""
        click.echo(f"{one.state:<14} {one.name}{remark}", err=True)
    wrong = [one.name for one in found.live if one.good is False]
    if wrong:
        raise SomethingWrong(
            f"the bundle is written, and says that something is wrong: {', '.join(wrong)}"
        )
