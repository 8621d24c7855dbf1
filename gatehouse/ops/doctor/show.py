"""The report for a terminal: what is wrong first, each with its command, then what is well."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatehouse.ops.doctor.finding import Finding, Level, Report, worst_first

_MARKS: Final[dict[Level, tuple[str, str]]] = {
    "bad": ("✗", "red"),
    "unknown": ("?", "magenta"),
    "advice": ("!", "yellow"),
    "good": ("✓", "green"),
}
_WORDS: Final[dict[Level, str]] = {
    "bad": "to mend",
    "unknown": "not checked",
    "advice": "to look at",
    "good": "good",
}
_INDENT: Final = 14

Line = tuple[str, str]  # text and colour


def lines(report: Report, width: int = 100, *, all_good: bool = False) -> Iterator[Line]:
    """The lines with their colours; with `all_good` what is well line by line."""
    for finding in _together(worst_first(report.findings)):
        if finding.level != "good" or all_good:
            yield from _lines(finding, width)
    wrong = {finding.check for finding in report.findings if finding.level != "good"}
    fine = [finding.check for finding in report.findings if finding.check not in wrong]
    if fine and not all_good:
        names = ", ".join(dict.fromkeys(fine))
        mark, colour = _MARKS["good"]
        first, *rest = textwrap.wrap(names, width - _INDENT)
        yield f"  {mark} {'good':<{_INDENT - 4}}{first}", colour
        for line in rest:
            yield " " * _INDENT + line, colour
    yield "", ""
    yield _sum(report), "bold"


def _together(findings: list[Finding]) -> list[Finding]:
    """Checks that could not be made for one reason are one line."""
    same: dict[object, list[Finding]] = {}
    for finding in findings:
        key = (finding.what, finding.mend) if finding.level == "unknown" else id(finding)
        same.setdefault(key, []).append(finding)
    return [
        one[0]
        if len(one) == 1
        else replace(one[0], check="", what=f"{one[0].what}: {', '.join(f.check for f in one)}")
        for one in same.values()
    ]


def _lines(finding: Finding, width: int) -> Iterator[Line]:
    mark, colour = _MARKS[finding.level]
    first, *rest = textwrap.wrap(finding.what, width - _INDENT) or [""]
    yield f"  {mark} {finding.check:<{_INDENT - 4}}{first}", colour
    for line in rest:
        yield " " * _INDENT + line, colour
    if finding.mend:
        yield " " * _INDENT + finding.mend, "dim"


def _sum(report: Report) -> str:
    counted = [(report.count(level), word) for level, word in _WORDS.items()]
    return "  " + ", ".join(f"{number} {word}" for number, word in counted if number)
