"""Other people: the look-up for HR, a manager's team, and approving leave.

What is said about a colleague is what the rules let this speaker see. A request for leave is
approved only after the approver has seen whose it is and for which days; a yes
counts for that very request. What is meant as a refusal must never end in an approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from actions.answering import DeskAction, button, given, in_words, records
from actions.dates import parse_dates
from actions.people_found import one_person
from actions.periods import parse_month
from actions.records.interface import Employee, LeaveRequest, SystemOfRecord
from actions.wording import day, days, lines, listed, span
from gatehouse.dialogue.turn import Ask, Message, Reply, Scalar, Turn

MOST_REQUESTS = 8
NO_REFUSING = (
    "I cannot refuse a leave request here, and nothing was changed: it is still waiting. "
    "Please talk to the person about it, or ask HR to refuse it."
)
_NOTHING_OPEN = {"approval": None, "shown_request": None, "person": None, "topic": "none"}
_REFUSES = re.compile(
    r"\b(?:reject\w*|declin\w*|den(?:y|ies|ied|ying)|refus\w*|disapprov\w*"
    r"|turn\w* (?:\w+\W+){0,8}?down"
    r"|(?:not|never|cannot|(?:do|does|did|wo|ca|should|must|could|would)n['\u2019]?t)"
    r" (?:\w+ ){0,2}?(?:approve|accept|grant|agree|allow|permit|authori[sz]e))\b",
    re.IGNORECASE,
)


class LookUpPerson(DeskAction):
    """An HR administrator's look-up of a person."""

    intent = "look_up_person"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        with in_words():
            found = one_person(turn, records(), self.intent)
        return "anyone", {
            "department": found.department,
            "employment_type": found.employment_type,
        }

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        with in_words():
            found = one_person(turn, records(), self.intent)
        return {"person": f"{found.name} ({found.employee_id})"}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"look up {values['person']}"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        person = one_person(turn, records, self.intent)
        items = [
            f"{person.job_title}, {person.department}, {person.location}",
            f"{person.employment_type.title()} since {day(person.started_on)}",
            f"Reports to {person.manager_name}" if person.manager_name else "Reports to nobody",
            f"{person.email}, {person.phone}",
        ]
        if person.employment_type == "employee":
            address = records.address(person.employee_id)
            balance = records.leave_balance(person.employee_id, turn.today)
            items.append(f"Home address {address.street}, {address.postcode} {address.city}")
            items.append(f"{days(balance.available, 'day')} of annual leave left in {balance.year}")
        return Reply.say(lines(f"{person.name} ({person.employee_id}):", items))


class ViewTeamLeave(DeskAction):
    """Who of a manager's team is away when."""

    intent = "view_team_leave"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return _whose(turn)

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        manager = turn.person.employee_id
        first, last = _asked_days(turn)
        team = records.team(manager)
        if not team:
            return Reply.say("Nobody reports to you, so there is no team leave to show.")
        absences = records.team_leave(manager, first, last)
        who = "your team"
        words = given(turn, "person")
        if words:
            wanted = _fitting(words, team)
            if not wanted:
                raise Ask("I do not find that person in your team. Please give me the full name.")
            who = listed([one.name for one in wanted])
            numbers = {one.employee_id for one in wanted}
            absences = tuple(one for one in absences if one.employee_id in numbers)
        if not absences:
            return Reply.say(f"No leave of {who} is entered for {span(first, last)}.")
        items = [
            f"{one.employee_name}: {span(one.start, one.end)}"
            + (" (not yet decided)" if one.status == "pending" else "")
            for one in absences
        ]
        return Reply.say(lines(f"Leave of {who}, {span(first, last)}:", items))


class ApproveLeave(DeskAction):
    """A manager approves a request of a direct report, having seen it."""

    intent = "approve_leave"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return _whose(turn)

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        if _refuses(turn.text):
            return Reply.say(NO_REFUSING, slots=_NOTHING_OPEN)
        manager = turn.person.employee_id
        waiting = _requests(turn, records.pending_requests_of_team(manager))
        chosen = _chosen(waiting, turn)
        if chosen is None:
            return _shown(waiting, turn)
        done = records.approve_leave(manager, chosen.request_id, turn.request_key, turn.now)
        return Reply.say(
            f"Approved: {done.kind} leave of {done.employee_name}, {span(done.start, done.end)} "
            f"({days(done.working_days, 'working day')}).",
            slots=_NOTHING_OPEN,
        )


def _asked_days(turn: Turn) -> tuple[date, date]:
    """The days that the words mean; without any, today and the four weeks after it."""
    words = given(turn, "period") or " to ".join(turn.entity_values("date")[:2])
    if not words:
        return turn.today, date.fromordinal(turn.today.toordinal() + 28)
    with in_words():
        named = parse_dates(words, turn.today)
        if named:
            return named[0], named[-1]
        month = parse_month(words, turn.today)
    if month is None:
        raise Ask("For which days? You can say this week, next week, or a month.")
    if not any(character.isdigit() for character in words) and month.last < turn.today:
        # A planner who says "august" in october looks ahead.
        month = month.shifted(12)
    return month.first, month.last


def _whose(turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
    """Whether the message is about the team, oneself or somebody else.

    Who is not in the team is somebody else, whether there is such a person or not: the refusal
    must not tell.
    """
    words = given(turn, "person")
    if not words:
        return "team", {}
    with in_words():
        myself = records().employee(turn.person.employee_id)
        team = records().team(turn.person.employee_id)
    if _fits(words, myself.employee_id, myself.name) and not _fitting(words, team):
        return "self", {}
    return ("team" if _fitting(words, team) else "anyone"), {}


def _fitting(words: str, team: tuple[Employee, ...]) -> tuple[Employee, ...]:
    exact = tuple(one for one in team if words.casefold().strip() == one.name.casefold())
    return exact or tuple(one for one in team if _fits(words, one.employee_id, one.name))


def _fits(words: str, employee_id: str, name: str) -> bool:
    """Whether `words` are the number, the name, or the first or last name of this person."""
    wanted = words.casefold().strip().removesuffix("'s").removesuffix("\u2019s")
    names = {employee_id.casefold(), name.casefold(), *name.casefold().split()}
    return wanted in names or wanted.removesuffix("s") in names  # "marcos leave"


def _requests(turn: Turn, waiting: tuple[LeaveRequest, ...]) -> tuple[LeaveRequest, ...]:
    if not waiting:
        raise Ask("No leave request of your team is waiting for you.")
    words = given(turn, "person")
    if not words:
        return waiting
    fitting = tuple(one for one in waiting if _fits(words, one.employee_id, one.employee_name))
    if not fitting:
        raise Ask("No request of that person is waiting for you.")
    return fitting


def _refuses(text: str) -> bool:
    """Whether the words ask for the opposite of an approval; a button has no words."""
    return not text.startswith("/") and _REFUSES.search(text) is not None


def _chosen(waiting: tuple[LeaveRequest, ...], turn: Turn) -> LeaveRequest | None:
    """The request that was shown and agreed to: the one of the button, or the one of the question.

    Another one that waits by now, even as the only one, was not shown and is not it.
    """
    approval = turn.slots.get("approval")
    meant = turn.slots.get("shown_request") if approval == "yes" else approval
    return next((one for one in waiting if one.request_id == meant), None)


def _shown(waiting: tuple[LeaveRequest, ...], turn: Turn) -> Reply:
    """The question, remembering the request that a yes would mean: only a single one can be."""
    gone = turn.slots.get("approval") == "yes" and turn.slots.get("shown_request")
    before = (Message(text="The request that I showed you is no longer waiting."),) if gone else ()
    only = waiting[0].request_id if len(waiting) == 1 else None
    question = _which_request(waiting).as_message()
    return Reply((*before, question), slots={"shown_request": only})


def _which_request(waiting: tuple[LeaveRequest, ...]) -> Ask:
    shown = waiting[:MOST_REQUESTS]
    items = [
        f"{one.employee_name}: {one.kind} leave, {span(one.start, one.end)}"
        f" ({days(one.working_days, 'working day')})"
        for one in shown
    ]
    buttons = [
        button(
            f"Approve {one.employee_name}, {span(one.start, one.end)}",
            "approve_leave",
            person=one.employee_id,
            approval=one.request_id,
        )
        for one in shown
    ]
    if len(waiting) == 1:
        return Ask(f"{items[0]}. Shall I approve it?", *buttons, button("No", "deny"))
    return Ask(
        lines(f"{len(waiting)} requests are waiting. Which one shall I approve?", items), *buttons
    )
