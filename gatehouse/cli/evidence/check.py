"""`gatehouse evidence check`."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.evidence.choosing import map_option, the_map
from gatehouse.errors import GatehouseError


class ClaimsFailed(GatehouseError):
    """The map claims what is not there, or what did not run and pass."""

    exit_code = 4


@click.command()
@click.option(
    "--results",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of results that a test run wrote; may be repeated. Every claimed test has to be in it.",
)
@map_option
def check(results: tuple[Path, ...], directory: Path | None) -> None:
    """Find claims that lead nowhere and, with --results, tests that did not run and pass.

    Works on the checkout that this Gatehouse was installed from.
    """
    from gatehouse.ops.evidence.catalogue import attack_ids
    from gatehouse.ops.evidence.claims import problems, sources
    from gatehouse.ops.evidence.live import LOOKS
    from gatehouse.ops.evidence.outcomes import PACKAGE, PASSED, read_outcomes

    evidence = the_map(directory)
    found = problems(evidence, sources(PACKAGE.parent, attack_ids(), LOOKS))
    outcomes = read_outcomes(results)
    claimed = sorted({test for one in evidence.requirements for test in one.tests})
    if results:
        ended = {test: outcomes.of(test) for test in claimed}
        found += [f"{test}: {how}" for test, how in ended.items() if how != PASSED]
    for problem in found:
        click.echo(problem)
    if found:
        raise ClaimsFailed(f"{len(found)} claims of the map do not hold")
    ran = "ran and passed" if results else "exist"
    click.echo(
        f"{len(evidence.requirements)} requirements; the {len(claimed)} tests they name {ran}",
        err=True,
    )
