"""Dates and spans of dates as people write them: "next monday", "from 3 to 7 August".

Day before month, as in the rest of Europe. A date without a year is the next one to come. What can
be read in two ways, or is no date of the calendar, raises `Unclear`: a wrong guess would book the
wrong days. Never looks at the clock; the caller says what today is.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from actions.date_words import (
    COUNT,
    MAX_COUNT,
    WEEKDAY_NAME,
    Found,
    Unclear,
    calendar_day,
    count_of,
    expressions,
    tidy,
)

_WEEKDAY_OF_WEEK = re.compile(rf"\b(?P<day>{WEEKDAY_NAME}) (?:of )?(?P<which>this|next) week\b")
_WEEKDAYS_OF_WEEK = re.compile(
    rf"\b(?P<first>{WEEKDAY_NAME}) (?:-|to|until|till|through) (?P<last>{WEEKDAY_NAME})"
    r" (?:of )?(?P<which>this|next) week\b"
)
_LENGTH = re.compile(
    rf"\bfor\s(?P<n>{COUNT})\s(?:(?:whole|full|working)\s)?(?P<unit>day|week)s?\b"
    rf"|\b(?P<n_before>{COUNT})\s(?:(?:whole|full|working)\s)?(?P<unit_before>day|week)s?\s"
    r"(?:(?:of\s)?(?:annual\s)?(?:leave|off|holidays?|vacation)\s)?(?:from|starting|beginning|as\sof)\b"
)
LONGEST_WITHOUT_A_YEAR = 300
"""Days; a last day without a year further away than this was meant before the first day."""


def parse_dates(text: str, today: date) -> tuple[date, ...]:
    """The dates in `text`: none, one, or first and last day of a span.

    Raises `Unclear` for what is ambiguous, no date of the calendar, or out of order.
    """
    text = _WEEKDAYS_OF_WEEK.sub(r"\g<which> \g<first> to \g<which> \g<last>", tidy(text))
    text = _WEEKDAY_OF_WEEK.sub(r"\g<which> \g<day>", text)
    length = _LENGTH.search(text)
    found = _merge(expressions(text, today), text)
    if not found:
        return ()
    if len(found) > 2:
        raise Unclear("I read more than two dates there.")
    days = _resolve(found, today)
    if len(days) == 1 and length:
        return days[0], _after(
            days[0], length["n"] or length["n_before"], length["unit"] or length["unit_before"]
        )
    return days


def parse_date(text: str, today: date) -> date:
    """The one date in `text`; raises `Unclear` when there is none or more than one."""
    days = parse_dates(text, today)
    if not days:
        raise Unclear("I did not recognise a date. You can write it like 3 August 2026.")
    if len(days) > 1:
        raise Unclear("I read more than one date there.")
    return days[0]


def working_days(first: date, last: date) -> int:
    """Days from Monday to Friday between two dates, both included; public holidays not known here."""
    return sum(
        1 for step in range((last - first).days + 1) if (first + timedelta(step)).weekday() < 5
    )


def _merge(found: list[Found], text: str) -> list[Found]:
    """Drop "monday" in "monday, 3 august" and a lone number that nothing connects to a date."""
    kept: list[Found] = []
    for index, item in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        explains = following is not None and following.day is not None
        if item.weekday_only and following is not None and explains:
            between = text[item.end : following.start]
            if re.fullmatch(r",?\s?(?:the\s)?", between):
                continue
        kept.append(item)
    return kept


def _resolve(found: list[Found], today: date) -> tuple[date, ...]:
    if len(found) == 1:
        return _one(found[0], today)
    start = _start(found[0], found[1], today)
    end = _end(found[1], start)
    guessed = found[1].year is None and found[1].span is None
    if end < start or (guessed and (end - start).days > LONGEST_WITHOUT_A_YEAR):
        raise Unclear("The last day would be before the first.")
    return start, end


def _one(item: Found, today: date) -> tuple[date, ...]:
    if not item.span:
        return (_next(item.day, item.month, item.year, today),)
    first, last = item.span
    return (first,) if first == last else (first, last)


def _start(item: Found, last: Found, today: date) -> date:
    """The first day; what it leaves out, "3" in "3 to 7 August 2027", the last day says."""
    if item.span:
        return item.span[0]
    month, year = item.month, item.year
    if month is None:
        month, year = last.month, year or last.year
    elif year is None and last.year is not None:
        year = last.year if (last.month or 13) >= month else last.year - 1
    return _next(item.day, month, year, today)


def _end(item: Found, start: date) -> date:
    if not item.span:
        return _next(item.day, item.month or start.month, item.year, start)
    end = item.span[1]
    if item.weekday_only and end < start:
        # A weekday after a date is the first one after that date, not after today.
        return start + timedelta((end.weekday() - start.weekday()) % 7)
    return end


def _next(day: int | None, month: int | None, year: int | None, today: date) -> date:
    """The date with these parts; without a year, or a month, the first one from `today` on."""
    assert day is not None
    if month is None:
        for step in range(13):
            index = today.year * 12 + today.month - 1 + step
            try:
                candidate = date(index // 12, index % 12 + 1, day)
            except ValueError:
                continue
            if candidate >= today:
                return candidate
        raise Unclear(f"No month has a day {day}.")
    if year is not None:
        return calendar_day(year, month, day)
    for candidate_year in range(today.year, today.year + 5):
        try:
            candidate = date(candidate_year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            return candidate
    return calendar_day(today.year, month, day)


def _after(first: date, count: str, unit: str) -> date:
    """The last day of `count` weeks, or of `count` working days, that begin on `first`."""
    number = count_of(count)
    if not 1 <= number <= MAX_COUNT:
        raise Unclear("I cannot plan that number of days.")
    if unit == "week":
        return first + timedelta(7 * number - 1)
    last = first
    while working_days(first, last) < number:
        last += timedelta(1)
    return last
