"""A person who takes something back in the middle of a form is heard."""

from __future__ import annotations

from typing import Any

import pytest

from actions.forms import WHAT_INSTEAD
from actions.leave_request import WHOLE_DAYS_ONLY, LeaveForm
from actions.profile import AddressForm
from tests.unit.actions.conftest import OpenCheckpoint
from tests.unit.actions.test_forms import heard

LEAVE = {"leave_kind": "annual", "start_date": "2026-12-14", "end_date": "2026-12-18"}
ADDRESS = {"street": "Lindenallee 7", "postcode": "10243", "city": "Berlin"}

ADDRESSES = [
    ("postcode", "no wait it's lindenallee 8", {"street": "lindenallee 8"}),
    ("city", "sorry, the postcode is 10245", {"postcode": "10245"}),
    ("confirmed", "no, the town is Potsdam", {"city": "Potsdam"}),
    ("confirmed", "oops, Lindenallee 9b", {"street": "Lindenallee 9b"}),
]


@pytest.mark.parametrize(("asked", "text", "expected"), ADDRESSES)
def test_an_address_is_corrected(
    checkpoint: OpenCheckpoint, asked: str, text: str, expected: dict[str, Any]
) -> None:
    """The part that was meant is replaced, the others stay, and it is confirmed anew."""
    slots, messages = heard(AddressForm(), text, "deny", asked=asked, **ADDRESS)
    assert {**expected, "confirmed": None} == slots
    assert [] == messages


@pytest.mark.parametrize("text", ["no wait", "hold on", "sorry, I mistyped", "that's wrong"])
def test_a_hesitation_is_no_refusal(checkpoint: OpenCheckpoint, text: str) -> None:
    """Who only says that something is wrong is asked what it should be; nothing is lost."""
    slots, messages = heard(LeaveForm(), text, "deny", asked="confirmed", **LEAVE)
    assert {"confirmed": None} == slots
    assert [WHAT_INSTEAD] == [message["response"] for message in messages]


def test_a_plain_no_ends_it(checkpoint: OpenCheckpoint) -> None:
    """A no without more declines."""
    slots, _ = heard(LeaveForm(), "no thanks", "deny", asked="confirmed", **LEAVE)
    assert {"confirmed": False} == slots


def test_the_week_after(checkpoint: OpenCheckpoint) -> None:
    """Both days move."""
    slots, _ = heard(LeaveForm(), "no, the week after", "deny", asked="confirmed", **LEAVE)
    expected = {"start_date": "2026-12-21", "end_date": "2026-12-25", "confirmed": None}
    assert expected == slots


SPANS = {
    "vacation 3 weeks starting 7 december": ("2026-12-07", "2026-12-27"),
    "two weeks of leave from 7 december": ("2026-12-07", "2026-12-20"),
    "I need friday off": ("2026-11-27", "2026-11-27"),
    "leave on 11 december": ("2026-12-11", "2026-12-11"),
}


@pytest.mark.parametrize(("text", "expected"), SPANS.items())
def test_lengths_and_single_days(
    checkpoint: OpenCheckpoint, text: str, expected: tuple[str, str]
) -> None:
    """A length gives the last day, and a day off is one day."""
    slots, _ = heard(LeaveForm(), text, "request_leave")
    assert expected == (slots["start_date"], slots["end_date"])


def test_a_last_day_before_the_first_is_no_year_long_leave(checkpoint: OpenCheckpoint) -> None:
    """ "From 20 to 10 december" is a slip and not a leave of a year."""
    slots, messages = heard(LeaveForm(), "leave from 20 dec to 10 dec", "request_leave")
    assert slots["start_date"] is None
    assert "The last day would be before the first." == messages[0]["text"]


def test_half_days_are_not_booked_as_whole_ones_in_silence(checkpoint: OpenCheckpoint) -> None:
    """Who asks for half a day hears that only whole days can be booked."""
    _, messages = heard(LeaveForm(), "half a day off tomorrow", "request_leave")
    assert [WHOLE_DAYS_ONLY] == [message["text"] for message in messages]
