"""The parts of the comparison on their own: moments, order of answers, limits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.policy import Request, StepUpTerms
from gatehouse.policy.cuts import WallClock
from gatehouse.policy.diff.moments import moments
from gatehouse.policy.diff.strictness import Answer, direction, together
from gatehouse.policy.times import local, zone_of

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
DAYS = (date(2027, 3, 14), date(2027, 3, 28), date(2027, 10, 31), date(2027, 11, 3))
CLOCKS = st.builds(
    WallClock,
    zone=st.sampled_from(ZONES),
    minutes=st.lists(st.integers(0, 24 * 12).map(lambda n: n * 5), max_size=2).map(tuple),
    days=st.lists(st.sampled_from(DAYS), max_size=2).map(tuple),
)
START = datetime(2026, 6, 1, tzinfo=UTC)


def tells(clock: WallClock, at: datetime) -> tuple[object, ...]:
    """Everything that a condition with these cuts may tell apart at a moment."""
    there = at.astimezone(zone_of(clock.zone))
    minute = there.hour * 60 + there.minute
    return (
        there.weekday(),
        *(minute >= cut for cut in clock.minutes),
        *(there.date() >= day for day in clock.days),
    )


@settings(max_examples=60, deadline=None, database=None)
@given(
    clocks=st.lists(CLOCKS, min_size=1, max_size=3),
    minutes=st.lists(st.integers(0, 2 * 366 * 24 * 60), min_size=200, max_size=200),
)
def test_every_moment_is_like_one_that_is_looked_at(clocks, minutes):
    """Over two years, in zones that change their clocks on other days and by half an hour."""
    looked_at = {tuple(tells(clock, at) for clock in clocks) for at in moments(clocks, START)}
    for minute in minutes:
        at = START + timedelta(minutes=minute)
        assert tuple(tells(clock, at) for clock in clocks) in looked_at, at


def test_moments_before_the_given_day_are_left_out():
    """A rule that has ended makes no difference from today on."""
    ended = WallClock("Europe/Berlin", days=(date(2020, 1, 1), date(2020, 2, 1)))
    since = datetime(2026, 11, 25, tzinfo=UTC)
    assert all(at >= since for at in moments([ended], since))
    assert 1 == len({tells(ended, at)[1:] for at in moments([ended], since)})
    assert 3 == len({tells(ended, at)[1:] for at in moments([ended], None)})


def test_moments_exist():
    """The hour that is skipped when summer time begins is none of them."""
    skipped = WallClock("Europe/Berlin", minutes=(150,), days=(date(2027, 3, 28),))
    zone = zone_of("Europe/Berlin")
    shown = {
        local(Request(None, "", at), zone)
        for at in moments([skipped], None)  # type: ignore[arg-type]
    }
    times = {at.hour for at in shown if at is not None and at.date() == date(2027, 3, 28)}
    assert 2 not in times


def answer(effect: str, terms: StepUpTerms | None = None, **text: str) -> Answer:
    """An answer with something to say."""
    return Answer(effect, terms, text.get("say", ""), text.get("rule", "r"), "Why.")


CODE = StepUpTerms("aal2", 300)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (answer("deny"), answer("deny"), "same"),
        (answer("deny"), answer("deny", say="utter_other"), "words"),
        (answer("allow"), answer("allow", rule="other"), "words"),
        (answer("deny"), answer("step_up", CODE), "widens"),
        (answer("step_up", CODE), answer("allow"), "widens"),
        (answer("allow"), answer("step_up", CODE), "narrows"),
        (answer("step_up", CODE), answer("step_up", StepUpTerms("aal2", 600)), "widens"),
        (answer("step_up", CODE), answer("step_up", StepUpTerms("aal2", 0)), "narrows"),
        (answer("step_up", CODE), answer("step_up", StepUpTerms("aal2", 300, ("a",))), "narrows"),
        (answer("step_up", StepUpTerms("aal2", 300, ("a",))), answer("step_up", CODE), "widens"),
        (
            answer("step_up", CODE),
            answer("step_up", StepUpTerms("aal2", 300, (), "at_confirmation")),
            "widens",
        ),
        (answer("step_up", CODE), answer("step_up", StepUpTerms("aal2", 600, ("a",))), "mixed"),
    ],
)
def test_what_is_stricter(before, after, expected):
    """Refusal, then a code, then permission; of two codes every part counts."""
    assert expected == direction(before, after)


def test_directions_add_up():
    """One that widens and one that narrows make a mixed edit; words do not count beside them."""
    assert "same" == together(set())
    assert "widens" == together({"words", "widens"})
    assert "mixed" == together({"widens", "narrows"})
    assert "mixed" == together({"mixed"})
    assert "narrows" == together({"narrows", "words"})
    assert "words" == together({"words"})
