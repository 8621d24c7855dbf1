"""The report for a terminal: the findings first, then what was not run, then the count."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from gatehouse.ops.selftest.attack import Attack, Result
from gatehouse.ops.selftest.catalogue import worst_first
from gatehouse.ops.selftest.engine import Report

WIDTH = 96
SHOWN = {"passed": "withstood", "failed": "FOUND", "not_run": "not run"}


def line_of(result: Result) -> str:
    """One attack in one line, as it is finished."""
    return f"{SHOWN[result.outcome]:10} {result.attack.id:26} {result.attack.title}"[:WIDTH]


def listed(attacks: tuple[Attack, ...]) -> str:
    """The catalogue, one attack a line."""
    return "\n".join(
        f"{one.id:26} {one.severity:9} {'+' if one.destructive else ' '} {one.needs:8} {one.title}"
        for one in attacks
    )


def table(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    failed = sorted(report.having("failed"), key=lambda one: worst_first(one.attack))
    for result in failed:
        attack = result.attack
        yield f"{attack.severity.upper():9} {attack.id}: {attack.title}"
        yield f"          ASVS {', '.join(attack.asvs)}"
        for detail in result.details:
            yield from _wrapped("- ", detail)
        yield from _wrapped("mend: ", attack.mend)
        yield ""
    left = report.having("not_run")
    if left:
        yield "Not run, and so neither withstood nor found:"
        for why, results in report.left().items():
            ids = ", ".join(result.attack.id for result in results)
            yield from _wrapped(f"{why}: ", f"{ids} ({len(results)})" if len(results) > 1 else ids)
        yield ""
    if report.interrupted:
        yield "INTERRUPTED: this is what was known by then."
    counts = f"{len(report.having('passed'))} withstood, {len(failed)} found, {len(left)} not run"
    yield f"{report.target}: {counts}; {report.requests} requests in {report.seconds:.0f} s"


def _wrapped(lead: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        lead + text,
        WIDTH,
        initial_indent=" " * 10,
        subsequent_indent=" " * 12,
        break_on_hyphens=False,
    )
