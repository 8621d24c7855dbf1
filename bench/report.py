"""What a benchmark found: figures beside their peer and what was meant to be reached.

A row without a target is information; a row with one says whether it was met. Only ratios taken in
one run can be compared with another machine's.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured piece of work. `ours` and `peer` are in `unit`; `met` is None without a target."""

    work: str
    ours: float
    unit: str
    peer: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


class Report:
    """Collects rows in the order in which they were measured."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def compare(
        self, work: str, ours: float, peer: float, *, reach: float | None = None, unit: str = "ms"
    ) -> None:
        """Less is better: `ours` against `peer`, met when the ratio is at most `reach`."""
        ratio = ours / peer
        target, met = ("", None) if reach is None else (f"≤ {reach:g} of peer", ratio <= reach)
        self.rows.append(Row(work, ours, unit, peer, ratio, target, met))

    def at_most(self, work: str, ours: float, limit: float, *, unit: str = "ms") -> None:
        """Less is better, met when `ours` is at most `limit`."""
        self.rows.append(Row(work, ours, unit, target=f"≤ {limit:g} {unit}", met=ours <= limit))

    def at_least(self, work: str, ours: float, limit: float, *, unit: str = "/s") -> None:
        """More is better, met when `ours` is at least `limit`."""
        self.rows.append(Row(work, ours, unit, target=f"≥ {limit:g} {unit}", met=ours >= limit))

    def note(self, work: str, value: float, *, unit: str = "ms") -> None:
        """A figure without a target."""
        self.rows.append(Row(work, value, unit))

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.rows]


def median_ms(work: Callable[[], object], times: int) -> float:
    """The median duration of `work` in milliseconds over `times` calls."""
    return statistics.median(durations_ms(work for _ in range(times)))


def durations_ms(calls: Iterable[Callable[[], object]]) -> list[float]:
    """How long each call took, in milliseconds."""
    found = []
    for call in calls:
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as text for a terminal."""
    head = ("work", "ours", "peer", "ratio", "target", "met?")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = [
        "  ".join(
            cell.ljust(width) if i in (0, 4, 5) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[row["met"]]
    return (
        row["work"],
        f"{_figure(row['ours'])} {row['unit']}",
        "" if row["peer"] is None else f"{_figure(row['peer'])} {row['unit']}",
        "" if row["ratio"] is None else f"{row['ratio']:.3f}",
        row["target"],
        met,
    )


def _figure(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}"
