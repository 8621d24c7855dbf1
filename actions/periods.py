"""Months and years of payroll as people write them: "last month", "june", "06/2026", "2025".

Looks back: a month without a year is the latest one that has begun. What names more than one month
raises `Unclear` with the months it could be. Never looks at the clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from actions.date_words import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MONTHS,
    Unclear,
    count_of,
    month_number,
    tidy,
)

_MONTH_NAME = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS) + "|sept"
_YEAR = r"(?:20[0-9]{2}|19[0-9]{2})"
_ISO = re.compile(rf"\b(?P<y>{_YEAR})[-/.](?P<m>[0-9]{{1,2}})\b")
_NUMERIC = re.compile(rf"(?<![0-9.])(?P<m>[0-9]{{1,2}})[-/.]\s?(?P<y>{_YEAR})\b")
_QUARTER = re.compile(
    rf"\b(?:q\s?(?P<q>[1-4])|(?P<nth>first|second|third|fourth|last|this) quarter)(?:.{{0,4}}(?P<y>{_YEAR}))?\b"
)
_NAMED = re.compile(
    rf"\b(?P<m>{_MONTH_NAME})\b\.?(?:\s(?:of\s)?(?P<y>{_YEAR})|\s(?:of\s)?(?P<rel>last|this)\syear)?"
)
_LAST_NAMED = re.compile(rf"\blast\s(?P<m>{_MONTH_NAME})\b(?!\s{_YEAR})")
_AGO = re.compile(
    r"\b(?P<n>[0-9]{1,2}|a|one|two|three|four|five|six|seven|eight|nine|ten) months? ago\b"
)
_MONTH_BEFORE_LAST = re.compile(r"\bmonth before last\b")
_RELATIVE = re.compile(
    r"\b(?P<which>last|previous|past|this|current|next|coming)(?:\s(?:calendar|pay))?\s(?:month|mont|moth|period|payslip)\b"
)
_WHOLE_YEAR = re.compile(rf"\b{_YEAR}\b")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    year: int
    month: int

    @property
    def name(self) -> str:
        """For people, for example `June 2026`."""
        return f"{MONTHS[self.month - 1].title()} {self.year}"

    @property
    def iso(self) -> str:
        """For payloads, for example `2026-06`."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return self.shifted(1).first - timedelta(1)

    def shifted(self, months: int) -> Month:
        """The month that is `months` later, or earlier when negative."""
        index = self.year * 12 + self.month - 1 + months
        return Month(index // 12, index % 12 + 1)


class ManyMonths(Unclear):
    """The words name several months; `months` are those that it could be."""

    def __init__(self, message: str, months: Sequence[Month]) -> None:
        super().__init__(message)
        self.months = tuple(months)


def parse_month(text: str, today: date) -> Month | None:
    """The month that `text` names, None when it names none.

    Raises `Unclear` for a month that does not exist and `ManyMonths` for a quarter, a year or two
    different months.
    """
    text = tidy(text)
    this = Month(today.year, today.month)
    quarter = _QUARTER.search(text)
    if quarter:
        raise ManyMonths("A quarter has three months.", _quarter(quarter, this))
    found = [*_written(text, this), *_relative(text, this)]
    months = sorted(set(found))
    if len(months) > 1:
        raise ManyMonths("I read more than one month there.", months)
    if months:
        return months[0]
    if _WHOLE_YEAR.search(text) or re.search(r"\b(?:last|this) year\b", text):
        raise Unclear("That is a whole year.")
    return None


def parse_year(text: str, today: date) -> int | None:
    """The year that `text` names, None when it names none; raises `Unclear` for two of them."""
    text = tidy(text)
    years = {int(year) for year in _WHOLE_YEAR.findall(text)}
    if re.search(r"\b(?:last|previous|past) (?:tax )?year", text):
        years.add(today.year - 1)
    if re.search(r"\b(?:this|current) (?:tax )?year", text):
        years.add(today.year)
    short = re.fullmatch(r"'?(?P<y>[0-9]{2})", text)
    if short:
        years.add(2000 + int(short["y"]))
    if len(years) > 1:
        raise Unclear("I read more than one year there.")
    return next(iter(years), None)


def _quarter(match: re.Match[str], this: Month) -> list[Month]:
    current = (this.month - 1) // 3 + 1
    words = {"first": 1, "second": 2, "third": 3, "fourth": 4, "this": current}
    number = int(match["q"]) if match["q"] else words.get(match["nth"], current - 1)
    year = int(match["y"]) if match["y"] else this.year
    if number == 0:
        number, year = 4, year - 1
    first = Month(year, 3 * number - 2)
    if not match["y"] and first > this:
        first = Month(year - 1, first.month)
    return [first, first.shifted(1), first.shifted(2)]


def _written(text: str, this: Month) -> list[Month]:
    numeric = [*_ISO.finditer(text), *_NUMERIC.finditer(text)]
    months = [_checked(int(match["y"]), int(match["m"])) for match in numeric]
    text = re.sub(r"\S*[0-9]+[-/.][0-9-/.]*\S*", " ", text) if numeric else text
    last = _LAST_NAMED.search(text)
    if last:
        # "last june" in july is the one just past, as it is for "june".
        months.append(_latest(month_number(last["m"]), this.shifted(-1)))
        text = text[: last.start()] + text[last.end() :]
    for match in _NAMED.finditer(text):
        # "may" is also a verb: alone it counts only where nothing follows that makes it one.
        if match[0] == "may" and re.match(r"\s(?:i|you|we|have|see|get|be)\b", text[match.end() :]):
            continue
        number = month_number(match["m"])
        if match["y"]:
            months.append(_checked(int(match["y"]), number))
        elif match["rel"]:
            months.append(Month(this.year - (match["rel"] == "last"), number))
        else:
            months.append(_latest(number, this))
    return months


def _relative(text: str, this: Month) -> list[Month]:
    if _MONTH_BEFORE_LAST.search(text):
        return [this.shifted(-2)]
    months = [this.shifted(-count_of(match["n"])) for match in _AGO.finditer(text)]
    for match in _RELATIVE.finditer(text):
        step = {"this": 0, "current": 0, "next": 1, "coming": 1}.get(match["which"], -1)
        months.append(this.shifted(step))
    return months


def _latest(month: int, this: Month) -> Month:
    return Month(this.year if month <= this.month else this.year - 1, month)


def _checked(year: int, month: int) -> Month:
    if not 1 <= month <= 12 or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise Unclear(f"{month}/{year} is not a month.")
    return Month(year, month)
