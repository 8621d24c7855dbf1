"""Questions about another month, year or day are answered for that one, not for the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.desk import NeedSupport
from actions.leave import ViewLeaveBalance, ViewNextHoliday
from actions.pay import ViewNextPayDate, ViewPayslip
from actions.people import ViewTeamLeave
from actions.records.interface import SystemOfRecord
from gatehouse.dialogue.turn import Ask, Entity, Reply
from tests.unit.actions.conftest import ERIN, HANNA, MARCO, TODAY, turn


def said(reply: Reply) -> str:
    return "\n".join(message.text or "" for message in reply.messages)


PAY_DAYS = {
    "pay day next month": "Pay day in December 2026 is Thursday 31 December 2026.",
    "when do we get paid in december": "Pay day in December 2026 is Thursday 31 December 2026.",
    "pay day in march": "Pay day in March 2027 is Wednesday 31 March 2027.",
    "when is pay day this month": "The next pay day is Monday 30 November 2026, in 7 days.",
    "is it the last working day": "The next pay day is Monday 30 November 2026, in 7 days.",
    "when was pay day last month": "Pay day of October 2026 is over. The next pay day is Monday 30 November 2026, in 7 days.",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PAY_DAYS.items())
def test_pay_day_of_another_month(records: SystemOfRecord, text: str, expected: str) -> None:
    """The month that is named is the one that is answered; one without a year is to come."""
    assert expected == said(ViewNextPayDate().perform(turn(text=text)))


def test_balance_of_another_year(records: SystemOfRecord) -> None:
    """Next year's balance is next year's, and last year's is what it was."""
    ahead = said(ViewLeaveBalance().perform(turn(text="how much leave will I have next year")))
    assert "For 2027 you would have 25 days" in ahead and "not counted" in ahead
    past = said(ViewLeaveBalance().perform(turn(text="my leave balance of 2025")))
    assert past.startswith("In 2025 you had ")
    now = said(ViewLeaveBalance().perform(turn(text="my leave balance")))
    assert (
        f"{records.leave_balance(ERIN, TODAY).available} days of annual leave left in 2026" in now
    )


HOLIDAYS = {
    "is 26 december a public holiday": "Yes, Saturday 26 December 2026 is a public holiday in Berlin: Second Day of Christmas.",
    "do we work on 27 november": "No, Friday 27 November 2026 is no public holiday in Berlin, so it is a working day.",
    "is 28 november off": "Saturday 28 November 2026 is at a weekend, and no public holiday in Berlin.",
    "which holidays are left": "Public holidays in Berlin still to come in 2026:",
    "which public holidays do we have next year": "Public holidays in Berlin of 2027:",
    "next bank holiday": "The next public holiday in Berlin is Christmas Day, on Friday 25 December 2026.",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HOLIDAYS.items())
def test_holidays(records: SystemOfRecord, text: str, expected: str) -> None:
    """A day that is named is looked up, a list is a list, and otherwise the next one is said."""
    assert expected == said(ViewNextHoliday().perform(turn(text=text))).splitlines()[0]


def test_two_months_are_not_one(records: SystemOfRecord) -> None:
    """Of two months that were named, the assistant asks which; it never drops one in silence."""
    both = (Entity("period", "june"), Entity("period", "july"))
    with pytest.raises(Ask, match="more than one month") as asked:
        ViewPayslip().request_values(replace(turn(text="june and july"), entities=both))
    assert ["June 2026", "July 2026"] == [one.title for one in asked.value.buttons]


def test_team_leave_of_a_day(records: SystemOfRecord) -> None:
    """ "On friday" is friday, not the next four weeks."""
    answer = said(
        ViewTeamLeave().perform(turn(MARCO, text="is anyone off on friday", date="friday"))
    )
    assert "27 November 2026" in answer and "December" not in answer


DANGER = [
    "I want to kill myself",
    "i dont want to live anymore",
    "my husband hits me",
    "I want to end it all",
]


@pytest.mark.parametrize("text", DANGER)
def test_danger_comes_first(text: str) -> None:
    """Who is in danger gets the numbers to call."""
    assert "utter_in_danger" == NeedSupport().perform(turn(text=text)).messages[0].response


def test_trouble_opens_no_case(records: SystemOfRecord) -> None:
    """Who tells of trouble is offered a person, and nobody is told."""
    reply = NeedSupport().perform(turn(HANNA, text="my manager bullies me"))
    assert "utter_need_support" == reply.messages[0].response
    assert () == records.cases(HANNA)
