"""Taking back a leave request that nobody has decided yet, after the person has seen which one.

Leave that is approved is part of a plan that others made: it is never taken back here, only said who
can. What is withdrawn is the very request that was shown and agreed to.
"""

from __future__ import annotations

import re

from actions.answering import DeskAction, button
from actions.date_words import Unclear, tidy
from actions.dates import parse_dates
from actions.records.interface import LeaveRequest, SystemOfRecord
from actions.wording import days, lines, span
from gatehouse.dialogue.turn import Ask, Message, Reply, Turn

MOST_OFFERED = 5
_NOTHING_OPEN = {"approval": None, "shown_request": None, "topic": "none"}
_NUMBER = re.compile(r"\bl-?\s?(?P<n>[0-9]{1,9})\b")
_MOVES = re.compile(r"\b(?:move|change|shift|postpone|reschedule|another|different)\b")


class WithdrawLeave(DeskAction):
    """Take back my leave request."""

    intent = "withdraw_leave"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        ahead = [
            one for one in records.leave_requests(turn.person.employee_id) if one.end >= turn.today
        ]
        chosen = _agreed(ahead, turn)
        if chosen is not None and chosen.status == "pending":
            done = records.withdraw_leave(
                turn.person.employee_id, chosen.request_id, turn.request_key, turn.now
            )
            return Reply.say(
                f"Done: your request {_described(done)} is withdrawn. "
                "If you want other days instead, tell me which.",
                slots=_NOTHING_OPEN,
            )
        meant = _meant(ahead, turn)
        waiting = [one for one in meant if one.status == "pending"]
        if waiting:
            return _shown(waiting, turn)
        approved = [one for one in meant if one.status == "approved"]
        if approved:
            raise Ask(
                lines(
                    "That is approved already, so I cannot take it back and changed nothing. "
                    "Please ask your manager or the HR desk:",
                    [_described(one) for one in approved],
                ),
                button("Speak to a person", "speak_to_person"),
            )
        raise Ask("You have no leave request that I could take back.")


def _agreed(ahead: list[LeaveRequest], turn: Turn) -> LeaveRequest | None:
    """The request of the button, or the one of the question that a yes answers."""
    approval = turn.slots.get("approval")
    wanted = turn.slots.get("shown_request") if approval == "yes" else approval
    return next((one for one in ahead if one.request_id == wanted), None)


def _meant(ahead: list[LeaveRequest], turn: Turn) -> list[LeaveRequest]:
    """The requests that the words name by number or days; all of them when they name none."""
    text = tidy(turn.text)
    number = _NUMBER.search(text)
    if number:
        return [one for one in ahead if one.request_id == f"L-{int(number['n']):06d}"]
    try:
        named = () if text.startswith("/") else parse_dates(text, turn.today)
    except Unclear:
        named = ()
    touching = [one for one in ahead if named and one.start <= named[-1] and named[0] <= one.end]
    return touching or ahead


def _shown(waiting: list[LeaveRequest], turn: Turn) -> Reply:
    buttons = [
        button(f"Take back {span(one.start, one.end)}", "withdraw_leave", approval=one.request_id)
        for one in waiting[:MOST_OFFERED]
    ]
    before = (
        "I cannot move leave, but you can take it back and ask for other days. "
        if _MOVES.search(tidy(turn.text))
        else ""
    )
    if len(waiting) == 1:
        text = f"{before}Shall I take back your request {_described(waiting[0])}?"
        buttons.append(button("No", "deny"))
    else:
        items = [_described(one) for one in waiting[:MOST_OFFERED]]
        text = lines(f"{before}Which request shall I take back?", items)
    only = waiting[0].request_id if len(waiting) == 1 else None
    return Reply((Message(text=text, buttons=tuple(buttons)),), slots={"shown_request": only})


def _described(one: LeaveRequest) -> str:
    return (
        f"{one.request_id}, {one.kind} leave, {span(one.start, one.end)} "
        f"({days(one.working_days, 'working day')})"
    )
