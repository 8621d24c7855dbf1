"""Berlin's public holidays, working days and pay days.

Pure arithmetic on dates without a table that could run out. A working day is Monday to Friday and
not a public holiday. It must never ask the machine for today.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from actions.records.model import Holiday

ONE_DAY = timedelta(days=1)

# Berlin's Sonn- und Feiertagsgesetz, section 1; the days below were set for one year only.
_ONCE = {
    date(2025, 5, 8): "80th anniversary of the liberation",
    date(2028, 6, 17): "75th anniversary of the uprising of 1953",
}

PAYROLL_CLOSES = 5
"""Working days before a pay day on which that pay run closes for changes."""


def easter_sunday(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    length = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * length) // 433
    month = (h + length - 7 * m + 90) // 25
    day = (h + length - 7 * m + 33 * month + 19) % 32
    return date(year, month, day)


@lru_cache(maxsize=64)
def holidays(year: int) -> tuple[Holiday, ...]:
    """Berlin's public holidays of `year`, by date."""
    easter = easter_sunday(year)
    days = {
        date(year, 1, 1): "New Year's Day",
        date(year, 3, 8): "International Women's Day",
        easter - 2 * ONE_DAY: "Good Friday",
        easter + ONE_DAY: "Easter Monday",
        date(year, 5, 1): "Labour Day",
        easter + 39 * ONE_DAY: "Ascension Day",
        easter + 50 * ONE_DAY: "Whit Monday",
        date(year, 10, 3): "Day of German Unity",
        date(year, 12, 25): "Christmas Day",
        date(year, 12, 26): "Second Day of Christmas",
    }
    days |= {day: name for day, name in _ONCE.items() if day.year == year}
    return tuple(Holiday(day, days[day]) for day in sorted(days))


def next_holiday(today: date) -> Holiday:
    """The next public holiday, `today` included."""
    ahead = holidays(today.year) + holidays(today.year + 1)
    return next(holiday for holiday in ahead if holiday.date >= today)


def is_working_day(day: date) -> bool:
    """Whether people work on `day`."""
    return day.weekday() < 5 and all(day != holiday.date for holiday in holidays(day.year))


def working_days(start: date, end: date) -> int:
    """Working days from `start` to `end`, both included; 0 when `end` is before `start`."""
    span = (end - start).days + 1
    return sum(is_working_day(start + offset * ONE_DAY) for offset in range(span))


def month_end(year: int, month: int) -> date:
    """The last day of a month."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - ONE_DAY


def pay_date(year: int, month: int) -> date:
    """The pay day of a month: its last working day."""
    day = month_end(year, month)
    while not is_working_day(day):
        day -= ONE_DAY
    return day


def next_pay_date(today: date) -> date:
    """The next pay day, `today` included."""
    this_month = pay_date(today.year, today.month)
    return this_month if this_month >= today else _pay_date_after(this_month)


def open_pay_date(today: date) -> date:
    """The pay day of the first pay run that `today` is not yet closed for changes."""
    candidate = next_pay_date(today)
    if working_days(today, candidate) > PAYROLL_CLOSES:
        return candidate
    return _pay_date_after(candidate)


def first_of_next_month(today: date) -> date:
    """The first day of the month after that of `today`."""
    return month_end(today.year, today.month) + ONE_DAY


def _pay_date_after(day: date) -> date:
    following = first_of_next_month(day)
    return pay_date(following.year, following.month)
