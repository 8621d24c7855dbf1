"""Own leave: what is left, what was taken, what became of requests, and public holidays.

Requests themselves are made in `actions.leave_request`. Nothing here writes.
"""

from __future__ import annotations

from actions.answering import DeskAction
from actions.records.interface import LeaveEntry, SystemOfRecord
from actions.wording import days, lines, span, weekday
from gatehouse.dialogue.turn import Reply, Turn


class ViewLeaveBalance(DeskAction):
    """How much leave is left?"""

    intent = "view_leave_balance"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
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
        states = {"pending": "waits for a decision", "approved": "approved", "declined": "declined"}
        items = [
            f"{one.request_id}, {one.kind} leave, {span(one.start, one.end)}: {states[one.status]}"
            + (f" by {one.decided_by}" if one.decided_by else "")
            for one in requests
        ]
        return Reply.say(lines("Your latest leave requests:", items))


class ViewNextHoliday(DeskAction):
    """When is the next public holiday?"""

    intent = "view_next_holiday"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        holiday = records.next_holiday(turn.today)
        if holiday.date == turn.today:
            return Reply.say(f"Today is a public holiday in Berlin: {holiday.name}.")
        return Reply.say(
            f"The next public holiday in Berlin is {holiday.name}, on {weekday(holiday.date)}."
        )


def _entry(entry: LeaveEntry) -> str:
    return (
        f"{entry.kind.title()} leave, {span(entry.start, entry.end)}"
        f" ({days(entry.working_days, 'working day')})"
    )
