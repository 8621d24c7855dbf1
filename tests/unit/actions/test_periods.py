"""Months and years of payroll as people write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.date_words import Unclear
from actions.periods import ManyMonths, Month, parse_month, parse_year

TODAY = date(2026, 7, 23)

MONTHS = {
    "last month": Month(2026, 6),
    "previous month": Month(2026, 6),
    "my last payslip": Month(2026, 6),
    "this month": Month(2026, 7),
    "next month": Month(2026, 8),
    "the month before last": Month(2026, 5),
    "two months ago": Month(2026, 5),
    "june": Month(2026, 6),
    "July": Month(2026, 7),
    "august": Month(2025, 8),
    "sept": Month(2025, 9),
    "last june": Month(2026, 6),
    "last july": Month(2025, 7),
    "december last year": Month(2025, 12),
    "June 2024": Month(2024, 6),
    "06/2026": Month(2026, 6),
    "6.2026": Month(2026, 6),
    "2026-06": Month(2026, 6),
    "may": Month(2026, 5),
}


@pytest.mark.parametrize(("text", "expected"), MONTHS.items())
def test_one_month(text: str, expected: Month) -> None:
    """A month without a year is the latest one that has begun."""
    assert expected == parse_month(text, TODAY)


@pytest.mark.parametrize("text", ["", "blah", "may I see it", "marchhare"])
def test_no_month(text: str) -> None:
    """Text that names no month gives none."""
    assert None is parse_month(text, TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "Q1": (1, 2, 3),
        "first quarter 2025": (1, 2, 3),
        "last quarter": (4, 5, 6),
        "q4": (10, 11, 12),
        "june and july": (6, 7),
    }.items(),
)
def test_several_months(text: str, expected: tuple[int, ...]) -> None:
    """A quarter, or two months, names the months to choose from."""
    with pytest.raises(ManyMonths) as caught:
        parse_month(text, TODAY)
    assert expected == tuple(month.month for month in caught.value.months)


@pytest.mark.parametrize("text", ["13/2026", "2025", "last year", "00/2026"])
def test_no_month_of_the_calendar(text: str) -> None:
    """A year, or a month that there is not, is not guessed at."""
    with pytest.raises(Unclear):
        parse_month(text, TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "2025": 2025,
        "last year": 2025,
        "this year": 2026,
        "'25": 2025,
        "24": 2024,
        "form": None,
    }.items(),
)
def test_a_year(text: str, expected: int | None) -> None:
    """A year is read in figures and in words."""
    assert expected == parse_year(text, TODAY)


def test_two_years() -> None:
    """Two years are not one."""
    with pytest.raises(Unclear):
        parse_year("2024 or 2025", TODAY)


def test_a_month_knows_its_days() -> None:
    """First and last day, name and payload form follow from the month."""
    month = Month(2026, 12)
    assert (date(2026, 12, 1), date(2026, 12, 31)) == (month.first, month.last)
    assert ("December 2026", "2026-12") == (month.name, month.iso)
    assert Month(2027, 1) == month.shifted(1)


@given(st.text(max_size=300))
def test_no_text_breaks_the_parsers(text: str) -> None:
    """Whatever is typed gives a month, a year, nothing, or `Unclear`."""
    for parse in (parse_month, parse_year):
        try:
            found = parse(text, TODAY)
        except Unclear:
            continue
        assert found is None or isinstance(found, int | Month)
