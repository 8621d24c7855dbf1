"""Where the answer of a condition can change, for those who have to look at every possibility.

A condition is a closure, which can be asked but not looked into. Its cuts say which values of its
fact it tells apart, so that finitely many questions stand for all (`gatehouse policy diff`). Cuts
must never name fewer values than the closure tells apart: a difference would be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gatehouse.policy.model import Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Tells apart these values; all others of the right type are alike."""

    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Between:
    """Tells apart numbers below `low`, from `low` to `high` (both included), and above."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Includes:
    """Of a set: tells apart which of these names it includes."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class WallClock:
    """Of a time, read in `zone`: tells apart weekdays, and what lies before and after each cut.

    `minutes` are minutes of the day (0 to 1440); `days` the days at whose start the answer can
    change.
    """

    zone: str
    minutes: tuple[int, ...] = ()
    days: tuple[date, ...] = ()


Cuts = OneOf | Between | Includes | WallClock
