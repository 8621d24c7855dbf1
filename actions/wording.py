"""How answers say amounts, days and lists, so that every action says them alike.

English, independent of the process locale. Nothing here knows a record or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from actions.date_words import MONTHS, WEEKDAYS

SYMBOLS = {"EUR": "€"}


def money(amount: Decimal, currency: str = "EUR") -> str:
    """For example `€4,250.00`, or `4,250.00 CHF` for a currency without a sign here."""
    figure = f"{abs(amount):,.2f}"
    sign = "\N{MINUS SIGN}" if amount < 0 else ""  # a hyphen would let the line break behind it
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{figure} {currency}"


def day(value: date) -> str:
    """For example `3 August 2026`."""
    return f"{value.day} {MONTHS[value.month - 1].title()} {value.year}"


def weekday(value: date) -> str:
    """For example `Monday 3 August 2026`."""
    return f"{WEEKDAYS[value.weekday()].title()} {day(value)}"


def span(first: date, last: date) -> str:
    """For example `3 August 2026`, `3 to 7 August 2026` or `28 July to 3 August 2026`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    if first.year == last.year:
        return f"{first.day} {MONTHS[first.month - 1].title()} to {day(last)}"
    return f"{day(first)} to {day(last)}"


def days(number: int, what: str = "day") -> str:
    """For example `1 day`, `3 working days`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(items: Sequence[str], joint: str = "and") -> str:
    """For example `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def lines(heading: str, items: Sequence[str]) -> str:
    """A heading and one line per item."""
    return "\n".join([heading, *(f"• {item}" for item in items)])


def iban_in_groups(number: str) -> str:
    """An account number in groups of four, as a bank statement prints it."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
