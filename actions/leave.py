"""Own leave: what is left, what was taken, what became of requests, and public holidays.

Requests themselves are made in `actions.leave_request`. Nothing here writes.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from actions.answering import DeskAction, given
from actions.date_words import Unclear, tidy
from actions.dates import parse_dates
from actions.periods import parse_year
from actions.records.interface import Holiday, LeaveEntry, SystemOfRecord
from actions.wording import days, lines, span, weekday
from gatehouse.dialogue.turn import Reply, Turn

SATURDAY = 5
_ALL = re.compile(
    r"\b(?:which|what|list|all|how many|overview|calendar)\b.*\bholidays\b"
    r"|\bholidays (?:are )?(?:left|coming up|in|of|for|20[0-9]{2})\b|\bholiday calendar\b"
)


class ViewLeaveBalance(DeskAction):
    """How much leave is left?"""

    intent = "view_leave_balance"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        year = _year(turn)
        if year != turn.today.year:
            return _other_year(records, turn, year)
        balance = records.leave_balance(turn.person.employee_id, turn.today)
        items = [f"Entitlement {days(balance.entitlement)}"]
        if balance.carried_over:
            items.append(f"Carried over {days(balance.carried_over)}")
        items.append(f"Taken {days(balance.taken)}")
        items.append(f"Approved and still ahead {days(balance.planned)}")
        items.append(f"Asked for and not yet decided {days(balance.pending)}")
        heading = f"You have {days(balance.available)} of annual leave left in {balance.year}:"
        return Reply.say(lines(heading, items))


class ViewLeaveTaken(DeskAction):
    """Which leave did I take this year?"""

    intent = "view_leave_taken"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        year = turn.today.year
        taken = records.leave_taken(turn.person.employee_id, year, turn.today)
        if not taken:
            return Reply.say(f"You have not taken any leave in {year} so far.")
        total = sum(entry.working_days for entry in taken)
        heading = f"In {year} you have taken {days(total, 'working day')} of leave so far:"
        return Reply.say(lines(heading, [_entry(entry) for entry in taken]))


class ViewLeaveStatus(DeskAction):
    """What became of my request?"""

    intent = "view_leave_status"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        requests = records.leave_requests(turn.person.employee_id)
        if not requests:
            return Reply.say("You have not made a leave request yet.")
        states = {
            "pending": "waits for a decision", "approved": "approved", "declined": "declined",
            "withdrawn": "withdrawn",
        }  # fmt: skip
        items = [
            f"{one.request_id}, {one.kind} leave, {span(one.start, one.end)}: {states[one.status]}"
            + (f" by {one.decided_by}" if one.decided_by and one.status != "withdrawn" else "")
            for one in requests
        ]
        return Reply.say(lines("Your latest leave requests:", items))


class ViewNextHoliday(DeskAction):
    """When is the next public holiday?"""

    intent = "view_next_holiday"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        asked = _one_day(turn)
        if asked is not None and asked != turn.today:
            return Reply.say(_about_day(records, asked), *_if_far(records, turn.today, asked))
        if _ALL.search(tidy(turn.text)):
            return _of_year(records, turn)
        holiday = records.next_holiday(turn.today)
        if holiday.date == turn.today:
            return Reply.say(f"Today is a public holiday in Berlin: {holiday.name}.")
        return Reply.say(_next(holiday))


def _year(turn: Turn) -> int:
    """The year that the question is about: the one now, unless another one next to it is named."""
    words = tidy(given(turn, "year") or turn.text)
    if re.search(r"\bnext year\b", words):
        return turn.today.year + 1
    try:
        named = parse_year(words, turn.today)
    except Unclear:
        named = None
    near = named is not None and abs(named - turn.today.year) <= 1
    return named if near and named is not None else turn.today.year


def _other_year(records: SystemOfRecord, turn: Turn, year: int) -> Reply:
    ahead = year > turn.today.year
    as_of = date(year, 1, 1) if ahead else date(year, 12, 31)
    balance = records.leave_balance(turn.person.employee_id, as_of)
    used = balance.taken + balance.planned
    if not ahead:
        return Reply.say(
            f"In {year} you had {days(balance.entitlement + balance.carried_over)} of annual leave "
            f"and took {days(used)}."
        )
    items = [
        f"Entitlement {days(balance.entitlement)}",
        f"Approved already {days(used)}",
        f"Asked for and not yet decided {days(balance.pending)}",
    ]
    heading = f"For {year} you would have {days(balance.available)} of annual leave left:"
    return Reply.say(
        lines(heading, items),
        f"Days that you carry over from {year - 1} are not counted in it yet.",
    )


def _one_day(turn: Turn) -> date | None:
    """The day that somebody asks about; None for none, for several, and for a button."""
    if turn.text.startswith("/"):
        return None
    try:
        named = parse_dates(turn.text, turn.today)
    except Unclear:
        return None
    return named[0] if len(named) == 1 else None


def _about_day(records: SystemOfRecord, asked: date) -> str:
    holiday = records.next_holiday(asked)
    if holiday.date == asked:
        return f"Yes, {weekday(asked)} is a public holiday in Berlin: {holiday.name}."
    if asked.weekday() >= SATURDAY:
        return f"{weekday(asked)} is at a weekend, and no public holiday in Berlin."
    return f"No, {weekday(asked)} is no public holiday in Berlin, so it is a working day."


def _if_far(records: SystemOfRecord, today: date, asked: date) -> tuple[str, ...]:
    """Which holiday comes next, when the day asked about is none."""
    if records.next_holiday(asked).date == asked:
        return ()
    return (_next(records.next_holiday(today)),)


def _of_year(records: SystemOfRecord, turn: Turn) -> Reply:
    year = _year(turn)
    holiday = records.next_holiday(max(turn.today, date(year, 1, 1)))
    items = []
    while holiday.date.year == year:
        items.append(f"{holiday.name}, {weekday(holiday.date)}")
        holiday = records.next_holiday(holiday.date + timedelta(1))
    if not items:
        return Reply.say(f"There is no public holiday in Berlin left in {year}.", _next(holiday))
    which = "still to come in" if year == turn.today.year else "of"
    return Reply.say(lines(f"Public holidays in Berlin {which} {year}:", items))


def _next(holiday: Holiday) -> str:
    return f"The next public holiday in Berlin is {holiday.name}, on {weekday(holiday.date)}."


def _entry(entry: LeaveEntry) -> str:
    return (
        f"{entry.kind.title()} leave, {span(entry.start, entry.end)}"
        f" ({days(entry.working_days, 'working day')})"
    )
