"""Asking for leave: the form, the preview, and the request that was confirmed.

A request is previewed before the person confirms it and made once after; nothing is booked from a
date that was guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from actions.answering import DeskAction, button
from actions.date_words import Unclear, tidy
from actions.dates import parse_dates
from actions.forms import CONFIRMED, DeskForm, Heard
from actions.records import checks
from actions.records.interface import LEAVE_KINDS, InvalidChange, SystemOfRecord
from actions.wording import day, days, weekday
from gatehouse.dialogue.turn import Ask, Message, Reply, Scalar, Turn

FORM_SLOTS = ("leave_kind", "start_date", "end_date", CONFIRMED)
LONGEST_GUESS = 92
"""Days after the first day within which a last day without a year is looked for."""

WORDS_OF_KINDS = {
    "annual": "annual", "vacation": "annual", "holiday": "annual", "holidays": "annual",
    "pto": "annual", "paid": "annual",
    "sick": "sick", "ill": "sick", "illness": "sick", "sickness": "sick", "flu": "sick",
    "parental": "parental", "maternity": "parental", "paternity": "parental",
    "special": "special", "bereavement": "special", "compassionate": "special",
    "funeral": "special", "wedding": "special",
    "unpaid": "unpaid",
}  # fmt: skip
_ONE_DAY = re.compile(
    r"\b(?:same day|(?:just|only) (?:the|that|this|a|one|1)? ?day|one day|1 day|single day)\b"
)
_WHOLE_DAY = re.compile(
    r"\b(?:a|the|one) day off\b|\b(?:take|need|have|want|like|get|be|am|book|give) .{1,40} off\b|^(?:\w+ ){0,4}(?:leave|off|vacation|holiday) on\b"
)
_HALF_DAY = re.compile(
    r"\bhalf(?:[ -]a)?[ -]days?\b|\bhalf the day\b|\b(?:morning|afternoon)s? off\b|\b(?:tomorrow|today|day) (?:morning|afternoon)\b"
)
_WEEK_LATER = re.compile(r"\b(?:the|one|a) week (?P<which>after|later|before|earlier)\b")
WHOLE_DAYS_ONLY = (
    "I can only book whole days. For half a day, please agree it with your manager or the HR desk."
)
_FROM = re.compile(r"\b(?:from|starting|start|starts|begins|beginning|as of)\b")
_LAST = re.compile(r"\b(?:until|till|til|to|through|last day|ends?|ending)\b")
_LENGTH = re.compile(r"^(?:for )?(?P<length>[a-z0-9]{1,5} (?:working )?(?:day|week)s?)$")


class LeaveForm(DeskForm):
    """Kind, first day and last day of a leave request, then a yes."""

    intent = "request_leave"
    asks = FORM_SLOTS

    def read(self, heard: Heard) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        kind = _kind(heard)
        if kind:
            found["leave_kind"] = kind
        found.update(_days(heard))
        return found

    def remark(self, heard: Heard) -> str | None:
        return WHOLE_DAYS_ONLY if _HALF_DAY.search(tidy(heard.text)) else None


class AskLeaveConfirmed(DeskAction):
    """Shows what the request would cost before the person confirms it."""

    intent = "request_leave"

    def name(self) -> str:
        return "action_ask_request_leave_form_confirmed"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return "self", _attributes(turn)

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        kind, first, last = _requested(turn)
        try:
            preview = records.preview_leave(turn.person.employee_id, kind, first, last, turn.now)
        except InvalidChange as problem:
            return Reply.say(
                f"{problem.message} Please give me other days, or say cancel.",
            )
        text = (
            f"That is {kind} leave, {_from_to(first, last)}: "
            f"{days(preview.working_days, 'working day')}."
        )
        if preview.available_after is not None:
            text += f" You would have {days(preview.available_after)} left."
        text += " Shall I send the request?" if preview.needs_approval else " Shall I record it?"
        buttons = (button("Yes", "affirm"), button("No", "deny"))
        return Reply((Message(text=text, buttons=buttons),))


class RequestLeave(DeskAction):
    """Makes the request that was confirmed."""

    intent = "request_leave"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        kind, first, last = _requested(turn)
        return {"leave_kind": kind, "start_date": day(first), "end_date": day(last)}

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return "self", _attributes(turn)

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return (
            f"request {values['leave_kind']} leave from {values['start_date']}"
            f" to {values['end_date']}"
        )

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        if turn.slots.get(CONFIRMED) is not True:
            raise Ask("No leave request is open. Tell me which days you would like to take.")
        kind, first, last = _requested(turn)
        made = records.request_leave(
            turn.person.employee_id, kind, first, last, turn.request_key, turn.now
        )
        what = f"{made.kind} leave, {_from_to(made.start, made.end)}"
        state = (
            "is recorded"
            if made.status == "approved"
            else "is sent to your manager, who decides about it"
        )
        return Reply.say(
            f"Done: {what} ({days(made.working_days, 'working day')}), {state}. "
            f"The request has the number {made.request_id}.",
            slots=dict.fromkeys(FORM_SLOTS),
        )


def _attributes(turn: Turn) -> dict[str, Scalar]:
    """What rules may ask about a leave request: its kind and length, as in `intents.yml`."""
    kind, first, last = _requested(turn)
    return {"leave_kind": kind, "calendar_days": (last - first).days + 1}


def _from_to(first: date, last: date) -> str:
    return weekday(first) if first == last else f"{weekday(first)} to {weekday(last)}"


def _requested(turn: Turn) -> tuple[str, date, date]:
    """Kind and days from the form; whatever else the slots hold raises `Ask`."""
    first, last = (_stored_day(turn.slots.get(name)) for name in ("start_date", "end_date"))
    kind = turn.slots.get("leave_kind")
    if kind not in LEAVE_KINDS or first is None or last is None:
        raise Ask("No leave request is open. Tell me which days you would like to take.")
    return str(kind), first, last


def _stored_day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _kind(heard: Heard) -> str | None:
    named = heard.entity("leave_kind")
    words = re.findall(r"[a-z]+", tidy(named or heard.text))
    kinds = {WORDS_OF_KINDS[word] for word in words if word in WORDS_OF_KINDS}
    if kinds == {"annual", "unpaid"} or kinds == {"annual", "sick"}:
        kinds.discard("annual")  # "sick on holiday", "unpaid vacation"
    if len(kinds) == 1:
        return kinds.pop()
    if heard.requested == "leave_kind" and named:
        return checks.leave_kind(named)
    if heard.requested == "leave_kind" and len(kinds) > 1:
        raise Unclear("I read more than one kind of leave there.")
    return None


def _days(heard: Heard) -> dict[str, str | None]:
    text = tidy(heard.text)
    first = _stored_day(heard.slots.get("start_date")) if not heard.starts else None
    if first and heard.requested in {"end_date", CONFIRMED}:
        length = _LENGTH.match(text)
        if _ONE_DAY.search(text) or (length and length["length"] in {"1 day", "one day", "a day"}):
            return {"end_date": first.isoformat()}
        if length:
            found = parse_dates(f"for {length['length']} from {first.isoformat()}", heard.today)
            return {"end_date": found[-1].isoformat()}
    last = _stored_day(heard.slots.get("end_date")) if not heard.starts else None
    later = _WEEK_LATER.search(text)
    if first and last and later:
        step = timedelta(7 if later["which"] in {"after", "later"} else -7)
        return {"start_date": (first + step).isoformat(), "end_date": (last + step).isoformat()}
    found = parse_dates(text, heard.today)
    if first and heard.requested == "end_date" and len(found) == 1 and found[0] < first:
        # "friday" means the one after the first day; "4 december" before "7 december" is a slip.
        after = parse_dates(text, first)
        found = after if after[0] - first < timedelta(LONGEST_GUESS) else found
    if not found:
        return {}
    if len(found) == 2:
        return {"start_date": found[0].isoformat(), "end_date": found[1].isoformat()}
    return _single(found[0], text, heard, first)


def _single(named: date, text: str, heard: Heard, first: date | None) -> dict[str, str | None]:
    iso = named.isoformat()
    is_last = heard.requested == "end_date" or (
        heard.requested == CONFIRMED and _LAST.search(text) and not _FROM.search(text)
    )
    if is_last:
        if first and named < first:
            raise Unclear(f"{day(named)} is before the first day, {day(first)}.")
        return {"end_date": iso}
    if _ONE_DAY.search(text) or (_WHOLE_DAY.search(text) and not _FROM.search(text)):
        return {"start_date": iso, "end_date": iso}
    last = _stored_day(heard.slots.get("end_date")) if not heard.starts else None
    if first and first == last and not _FROM.search(text):
        return {"start_date": iso, "end_date": iso}  # one day is corrected to another one
    return (
        {"start_date": iso}
        if last is None or last >= named
        else {"start_date": iso, "end_date": None}
    )
