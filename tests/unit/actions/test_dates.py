"""Dates as people write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.date_words import Unclear
from actions.dates import parse_date, parse_dates, working_days

TODAY = date(2026, 7, 23)  # a Thursday


def d(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


SINGLE = {
    "today": d(7, 23),
    "Tomorrow!": d(7, 24),
    "tommorow": d(7, 24),
    "the day after tomorrow": d(7, 25),
    "monday": d(7, 27),
    "thursday": d(7, 30),
    "next monday": d(7, 27),
    "next friday": d(7, 31),
    "friday next week": d(7, 31),
    "next week on tuesday": d(7, 28),
    "tues": d(7, 28),
    "in two weeks": d(8, 6),
    "in 3 days": d(7, 26),
    "in a month": d(8, 23),
    "2026-08-03": d(8, 3),
    "\uff12\uff10\uff12\uff16-\uff10\uff18-\uff10\uff13": d(8, 3),
    "3.8.": d(8, 3),
    "3.8.2026": d(8, 3),
    "03.08.26": d(8, 3),
    "25/12/2026": d(12, 25),
    "09/15/2026": d(9, 15),
    "8/8": d(8, 8),
    "3 August": d(8, 3),
    "the 3rd of August 2027": d(8, 3, 2027),
    "August 3rd, 2026": d(8, 3),
    "1st sept": d(9, 1),
    "may 5": d(5, 5, 2027),
    "on the 3rd": d(8, 3),
    "the 31st": d(7, 31),
    "29 february": d(2, 29, 2028),
    "monday, 3 august": d(8, 3),
    "can I have 24 December off please": d(12, 24),
}

SPANS = {
    "from 3 to 7 August": (d(8, 3), d(8, 7)),
    "3-7 august": (d(8, 3), d(8, 7)),
    "3 \u2013 7 August": (d(8, 3), d(8, 7)),
    "August 3 to 7": (d(8, 3), d(8, 7)),
    "3. - 7.8.": (d(8, 3), d(8, 7)),
    "3.8.-7.8.2026": (d(8, 3), d(8, 7)),
    "from 10.08.2026 to 21.08.2026": (d(8, 10), d(8, 21)),
    "2026-07-27 until 2026-07-31": (d(7, 27), d(7, 31)),
    "28 December to 3 January": (d(12, 28), d(1, 3, 2027)),
    "from the 3rd to the 7th of august": (d(8, 3), d(8, 7)),
    "between 3 and 7 august": (d(8, 3), d(8, 7)),
    "monday to friday": (d(7, 27), d(7, 31)),
    "from monday to friday next week": (d(7, 27), d(7, 31)),
    "from tomorrow until next friday": (d(7, 24), d(7, 31)),
    "monday, 3 august until friday 7 august": (d(8, 3), d(8, 7)),
    "next week": (d(7, 27), d(7, 31)),
    "this week": (d(7, 23), d(7, 24)),
    "for 3 days from monday": (d(7, 27), d(7, 29)),
    "from friday for 2 days": (d(7, 24), d(7, 27)),
    "two weeks off: for two weeks from 3 august": (d(8, 3), d(8, 16)),
}

UNCLEAR = {
    "3/8/2026": "3 August or as 8 March",
    "31 february": "not a date",
    "30.2.2027": "not a date",
    "2026-13-45": "not a date",
    "9999-12-31": "not a date",
    "0/0": "not a date",
    "in 999 days": "too far",
    "12 march, 14 march, 20 march": "more than two dates",
}


@pytest.mark.parametrize(("text", "expected"), SINGLE.items())
def test_one_date(text: str, expected: date) -> None:
    """One date is read as a European reads it, and as the next one to come."""
    assert (expected,) == parse_dates(text, TODAY)
    assert expected == parse_date(text, TODAY)


@pytest.mark.parametrize(("text", "expected"), SPANS.items())
def test_a_span(text: str, expected: tuple[date, date]) -> None:
    """A span gives its first and its last day."""
    assert expected == parse_dates(text, TODAY)


@pytest.mark.parametrize(("text", "expected"), UNCLEAR.items())
def test_what_cannot_be_read(text: str, expected: str) -> None:
    """What is ambiguous or no date of the calendar is never guessed."""
    with pytest.raises(Unclear) as caught:
        parse_dates(text, TODAY)
    assert expected in caught.value.message


@pytest.mark.parametrize("text", ["", "blah", "I need 5 days off", "I may take some time"])
def test_no_date(text: str) -> None:
    """Text without a date gives none, even with a number in it."""
    assert () == parse_dates(text, TODAY)


def test_a_span_is_not_one_date() -> None:
    """Who asks for one date is told when there are two, and when there is none."""
    with pytest.raises(Unclear):
        parse_date("from 3 to 7 august", TODAY)
    with pytest.raises(Unclear):
        parse_date("soon", TODAY)


def test_a_week_that_is_over() -> None:
    """On a Saturday "this week" has no working day left to ask for."""
    with pytest.raises(Unclear):
        parse_dates("this week", date(2026, 7, 25))


def test_working_days_leave_out_weekends() -> None:
    """Friday to Monday are two working days."""
    assert 2 == working_days(d(7, 24), d(7, 27))


@given(st.text(max_size=400))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Whatever is typed gives at most two dates in order, or `Unclear`."""
    try:
        found = parse_dates(text, TODAY)
    except Unclear:
        return
    assert list(found) == sorted(found) and len(found) <= 2


@given(
    st.lists(
        st.sampled_from([*SINGLE, *SPANS, *UNCLEAR, "to", "from", "-", "for", "/"]), max_size=5
    )
)
def test_no_mixture_breaks_the_parser(parts: list[str]) -> None:
    """Dates in any combination give at most two dates in order, or `Unclear`."""
    try:
        found = parse_dates(" ".join(parts), TODAY)
    except Unclear:
        return
    assert list(found) == sorted(found) and len(found) <= 2
