"""The expressions of which dates are made: "3 august", "next monday", "in two weeks", "3.8.".

Reads each expression by itself and says what it leaves open; `actions.dates` puts them together.
Never looks at the clock; the caller says what today is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
MISSPELT = {
    "tomorow": "tomorrow", "tommorow": "tomorrow", "tommorrow": "tomorrow", "tmrw": "tomorrow",
    "wensday": "wednesday", "wednsday": "wednesday", "wendesday": "wednesday",
    "tusday": "tuesday", "thusday": "thursday", "thurday": "thursday", "saterday": "saturday",
    "febuary": "february", "agust": "august", "septembre": "september", "untill": "until",
}  # fmt: skip
MAX_TEXT = 300
MAX_COUNT = 400
EARLIEST_YEAR = 1990
LATEST_YEAR = 2199


class Unclear(ValueError):
    """What was written has no reading, or more than one.

    `message` says so to the person, as a statement: whoever catches this asks the question again.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _spelt(names: tuple[str, ...], shortest: int = 3) -> str:
    forms = [f"{name[:shortest]}(?:{name[shortest:]})?" for name in names]
    return "|".join(forms)


_MONTH = rf"(?:{_spelt(MONTHS)}|sept)\.?"
WEEKDAY_NAME = rf"(?:{_spelt(WEEKDAYS)}|tues|thur|thurs)"
COUNT = rf"(?:[0-9]{{1,3}}|{'|'.join(NUMBERS)})"
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th)?"

_EXPRESSION = re.compile(
    rf"""\b(?:
      (?P<iso>(?P<iso_y>[0-9]{{4}})-(?P<iso_m>[0-9]{{1,2}})-(?P<iso_d>[0-9]{{1,2}})\b)
    | (?P<dotted>(?P<dot_d>[0-9]{{1,2}})\.\s?(?P<dot_m>[0-9]{{1,2}})\b(?:\.(?:\s?(?P<dot_y>[0-9]{{4}}|[0-9]{{2}})\b)?)?)
    | (?P<slashed>(?P<sl_a>[0-9]{{1,2}})/(?P<sl_b>[0-9]{{1,2}})(?:/(?P<sl_y>[0-9]{{4}}|[0-9]{{2}}))?\b)
    | (?P<day_month>(?P<dm_d>{_DAY})\.?\s?(?:of\s)?(?P<dm_m>{_MONTH})(?![a-z])(?:,?\s(?P<dm_y>20[0-9]{{2}})\b)?)
    | (?P<month_day>(?P<md_m>{_MONTH})\s(?:the\s)?(?P<md_d>{_DAY})\b(?:,?\s(?P<md_y>20[0-9]{{2}})\b)?)
    | (?P<today>today|tonight|(?:the\s)?day\safter\stomorrow|tomorrow|yesterday)\b
    | (?P<ahead>in\s(?P<in_n>{COUNT})\s(?P<in_unit>day|week|month)s?\b)
    | (?P<week>(?P<wk_which>this|next)\sweek\b(?!\son\b)(?!\s{WEEKDAY_NAME}\b))
    | (?P<named>(?:(?P<wd_which>this|next|coming)\s(?:week(?:\son)?\s)?)?(?P<wd>{WEEKDAY_NAME})\b)
    | (?P<ordinal>(?:[0-9]{{1,2}})(?:st|nd|rd|th)\b)
    | (?P<bare>[0-9]{{1,2}}\b\.?)(?=\s?(?:-|to\b|until\b|till\b|through\b|and\b|$))
    | (?<=to\s)(?P<bare_end>[0-9]{{1,2}}\b)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """One expression: where it stands, and what it says."""

    start: int = 0
    end: int = 0
    day: int | None = None
    month: int | None = None
    year: int | None = None
    span: tuple[date, date] | None = None
    weekday_only: bool = False


def tidy(text: str) -> str:
    """Lower case, one kind of dash and space, common misspellings put right, at most 300 characters."""
    text = unicodedata.normalize("NFKC", text[:MAX_TEXT]).casefold()
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"[a-z]+", lambda word: MISSPELT.get(word[0], word[0]), text)


def month_number(word: str) -> int:
    """1 to 12 for the name of a month or its first three letters."""
    return next(n for n, name in enumerate(MONTHS, 1) if name.startswith(word.strip(".")[:3]))


def count_of(word: str) -> int:
    """The number that `word` says, in figures or as one to ten."""
    return NUMBERS.get(word) or int(word)


def expressions(text: str, today: date) -> list[Found]:
    """Every expression in `text` (tidy), in its order; raises `Unclear` for one that has no reading."""
    return [_read(match, today) for match in _EXPRESSION.finditer(text)]


def _read(match: re.Match[str], today: date) -> Found:
    readers: dict[str, Callable[[re.Match[str], date], Found]] = {
        "iso": lambda m, _: _parts(m["iso_d"], m["iso_m"], m["iso_y"]),
        "dotted": lambda m, _: _parts(m["dot_d"], m["dot_m"], m["dot_y"]),
        "slashed": lambda m, _: _slashed(m),
        "day_month": lambda m, _: _parts(m["dm_d"], m["dm_m"], m["dm_y"]),
        "month_day": lambda m, _: _parts(m["md_d"], m["md_m"], m["md_y"]),
        "today": lambda m, now: _at(now + timedelta(_NEAR[m["today"].removeprefix("the ")])),
        "ahead": lambda m, now: _at(_ahead(m, now)),
        "week": lambda m, now: Found(span=_week(m["wk_which"], now)),
        "named": lambda m, now: _weekday(m, now),
        "ordinal": lambda m, _: Found(day=int(re.sub(r"\D", "", m["ordinal"]))),
        "bare": lambda m, _: Found(day=int(m["bare"].strip("."))),
        "bare_end": lambda m, _: Found(day=int(m["bare_end"])),
    }
    kind = next(name for name in readers if match[name] is not None)
    return replace(readers[kind](match, today), start=match.start(), end=match.end())


_NEAR = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2}


def _at(day: date) -> Found:
    return Found(span=(day, day))


def _parts(day: str, month: str, year: str | None) -> Found:
    number = int(month) if month.isdecimal() else month_number(month)
    return Found(
        day=int(re.sub(r"\D", "", day)),
        month=number,
        year=None if year is None else int(year) + (2000 if len(year) == 2 else 0),
    )


def _slashed(match: re.Match[str]) -> Found:
    first, second = int(match["sl_a"]), int(match["sl_b"])
    if first <= 12 and second <= 12 and first != second:
        if not first or not second:
            raise Unclear(f"{match[0]} is not a date of the calendar.")
        raise Unclear(
            f"I can read {match[0]} as {first} {MONTHS[second - 1].title()}"
            f" or as {second} {MONTHS[first - 1].title()}. Please write the month as a word."
        )
    day, month = (second, first) if second > 12 else (first, second)
    return _parts(str(day), str(month), match["sl_y"])


def _ahead(match: re.Match[str], today: date) -> date:
    count, unit = count_of(match["in_n"]), match["in_unit"]
    if count > MAX_COUNT:
        raise Unclear("That is too far ahead.")
    if unit != "month":
        return today + timedelta(count * (7 if unit == "week" else 1))
    index = today.year * 12 + today.month - 1 + count
    return calendar_day(index // 12, index % 12 + 1, min(today.day, 28))


def _week(which: str, today: date) -> tuple[date, date]:
    monday = today - timedelta(today.weekday())
    if which == "next":
        return monday + timedelta(7), monday + timedelta(11)
    first, last = today, monday + timedelta(4)
    if first > last:
        raise Unclear("This week is over.")
    return first, last


def _weekday(match: re.Match[str], today: date) -> Found:
    wanted = next(n for n, name in enumerate(WEEKDAYS) if name.startswith(match["wd"][:3]))
    if match["wd_which"] == "next":
        day = today - timedelta(today.weekday()) + timedelta(7 + wanted)
    else:
        day = today + timedelta((wanted - today.weekday() - 1) % 7 + 1)
    return Found(span=(day, day), weekday_only=match["wd_which"] is None)


def calendar_day(year: int, month: int, day: int) -> date:
    try:
        if not EARLIEST_YEAR <= year <= LATEST_YEAR:
            raise ValueError
        return date(year, month, day)
    except ValueError:
        raise Unclear(f"{day}.{month}.{year} is not a date of the calendar.") from None
