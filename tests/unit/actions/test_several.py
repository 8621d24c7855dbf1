"""Two questions in one message: neither is lost, and what is offered is a plain request."""

from __future__ import annotations

import pytest

from actions.leave import ViewLeaveBalance
from actions.records.interface import SystemOfRecord
from actions.several import others
from tests.unit.actions.conftest import turn

SEVERAL = [
    ("when is pay day and what's my salary?", "view_next_pay_date", ["view_salary"]),
    ("how much leave do i have left and when is payday", "view_leave_balance", ["view_next_pay_date"]),
    ("How many days are left? And when is the next public holiday?", "view_leave_balance", ["view_next_holiday"]),
    ("hello, when is pay day? I moved, too", "view_next_pay_date", ["change_address"]),
    ("could you check and tell me how much leave I have", "view_leave_balance", []),
    ("when is pay day and what is Marco's salary", "view_next_pay_date", []),
    ("when is pay day and what does he earn, his salary", "view_next_pay_date", []),
    ("my leave balance", "view_leave_balance", []),
    ("/view_leave_balance", "view_leave_balance", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answered", "expected"), SEVERAL)
def test_what_else_was_asked(text: str, answered: str, expected: list[str]) -> None:
    """Other questions are found by their words; questions about other people never are."""
    assert expected == others(text, answered)


def test_the_other_question_is_offered(records: SystemOfRecord) -> None:
    """The answer comes first, then a button that asks the other question for itself."""
    text = "how much leave is left? and when is pay day?"
    answer, offer = ViewLeaveBalance().perform(turn(text=text)).messages
    assert "annual leave left" in (answer.text or "")
    assert ["/view_next_pay_date"] == [one.payload for one in offer.buttons]
