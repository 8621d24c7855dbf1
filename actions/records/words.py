"""Days, months and amounts as the sentences of this package say them.

Kept apart from the process locale, so that an answer never changes its language with the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from actions.records.model import Period

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def day(value: date) -> str:
    """For example `4 December 2026`."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def month(period: Period) -> str:
    """For example `December 2026`."""
    return f"{MONTHS[period.month - 1]} {period.year}"


def working_days(number: int) -> str:
    """For example `1 working day`, `3 working days`."""
    return f"{number} working day" if number == 1 else f"{number} working days"


def listed(items: Sequence[str], joint: str = "or") -> str:
    """For example `a, b or c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"
