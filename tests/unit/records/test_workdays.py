"""Berlin's calendar."""

from __future__ import annotations

from datetime import date

import pytest

from actions.records import workdays
from actions.records.model import Holiday


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(1818, 3, 22), (2024, 3, 31), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2100, 3, 28)],
)
def test_easter_sunday(year: int, month: int, day: int) -> None:
    """Easter falls on the published day, the earliest and latest possible ones included."""
    assert date(year, month, day) == workdays.easter_sunday(year)


def test_holidays_of_2026() -> None:
    """2026 has the ten public holidays of Berlin, International Women's Day among them."""
    expected = ["01-01", "03-08", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25"]
    actual = [f"{holiday.date:%m-%d}" for holiday in workdays.holidays(2026)]
    assert [*expected, "12-26"] == actual


def test_single_holidays() -> None:
    """A day that was made a holiday for one year counts in that year only."""
    assert not workdays.is_working_day(date(2025, 5, 8))
    assert workdays.is_working_day(date(2029, 5, 8))


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 23), Holiday(date(2026, 12, 25), "Christmas Day")),
        (date(2026, 12, 25), Holiday(date(2026, 12, 25), "Christmas Day")),
        (date(2026, 12, 27), Holiday(date(2027, 1, 1), "New Year's Day")),
        (date(2027, 3, 2), Holiday(date(2027, 3, 8), "International Women's Day")),
    ],
)
def test_next_holiday(today: date, expected: Holiday) -> None:
    """The next holiday includes today and reaches into the next year."""
    assert expected == workdays.next_holiday(today)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 11, 23), date(2026, 11, 27), 5),
        (date(2026, 12, 21), date(2027, 1, 3), 8),
        (date(2026, 11, 28), date(2026, 11, 29), 0),
        (date(2027, 3, 26), date(2027, 3, 29), 0),
        (date(2026, 11, 27), date(2026, 11, 23), 0),
    ],
)
def test_working_days(start: date, end: date, expected: int) -> None:
    """Weekends, Christmas and Easter are not counted; a span backwards has no day."""
    assert expected == workdays.working_days(start, end)


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2026, 5, 29), (2026, 11, 30), (2026, 12, 31), (2027, 2, 26)]
)
def test_pay_date(year: int, month: int, day: int) -> None:
    """Pay comes on the last working day of the month."""
    assert date(year, month, day) == workdays.pay_date(year, month)


def test_next_pay_date() -> None:
    """On the pay day itself it is today; the day after it is next month's."""
    assert date(2026, 11, 30) == workdays.next_pay_date(date(2026, 11, 30))
    assert date(2026, 12, 31) == workdays.next_pay_date(date(2026, 12, 1))
    assert date(2027, 1, 29) == workdays.next_pay_date(date(2027, 1, 1))


def test_pay_run_closes() -> None:
    """Five working days before the pay day its run is closed for changes."""
    assert date(2026, 11, 30) == workdays.open_pay_date(date(2026, 11, 23))
    assert date(2026, 12, 31) == workdays.open_pay_date(date(2026, 11, 24))
