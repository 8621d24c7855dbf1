"""What a leave request has to keep to, apart from the calendar of the person who makes it.

The rules are the demo organisation's own, leaning on German law where there is one; they are data
with the reason beside them. Checking must never depend on anything but the arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from actions.records import words, workdays
from actions.records.interface import InvalidChange
from actions.records.model import LeaveKind, LeavePreview


@dataclass(frozen=True, slots=True)
class LeaveRule:
    """Limits of one kind of leave, in calendar days except `longest_working`.

    `back`: how long ago it may have begun. `notice`: how far ahead it must begin at least.
    `ahead`: how far ahead it may begin at most. `longest`: from the first to the last day.
    """

    back: int = 0
    notice: int = 0
    ahead: int = 730
    longest: int = 42
    longest_working: int | None = None
    needs_approval: bool = True
    where_else: str = "Please speak to HR about a longer one."


RULES: dict[LeaveKind, LeaveRule] = {
    # Six weeks at once; longer absences are planned with HR.
    "annual": LeaveRule(),
    # Pay goes on for six weeks (section 3 EFZG). People report it when they can.
    "sick": LeaveRule(
        back=7, ahead=14, longest=42, needs_approval=False,
        where_else="Please report it to HR by phone.",
    ),
    # Moving house, a wedding, a bereavement (section 616 BGB).
    "special": LeaveRule(back=7, ahead=180, longest=14, longest_working=5),
    # Seven weeks' notice, up to three years (sections 15 and 16 BEEG).
    "parental": LeaveRule(notice=49, ahead=400, longest=1096),
    # Social insurance goes on for a month of unpaid leave (section 7 SGB IV).
    "unpaid": LeaveRule(notice=14, ahead=400, longest=30),
}  # fmt: skip


def check_span(kind: LeaveKind, start: date, end: date, today: date) -> LeavePreview:
    """The request as it would be made, with `available_after` still open.

    Raises `InvalidChange` that names the date to give again.
    """
    rule = RULES[kind]
    if end < start:
        raise InvalidChange(
            "The last day is before the first day. Please give the last day of your leave again.",
            field="end_date",
        )
    _check_start(kind, rule, start, today)
    if (end - start).days >= rule.longest:
        raise InvalidChange(
            f"One {kind} leave can last {rule.longest} days at most. "
            f"Please give an earlier last day. {rule.where_else}",
            field="end_date",
        )
    days = workdays.working_days(start, end)
    if days == 0:
        raise InvalidChange(
            "Those days are a weekend or public holiday, so you have them off anyway. "
            "Please give other dates.",
            field="start_date",
        )
    if rule.longest_working is not None and days > rule.longest_working:
        raise InvalidChange(
            f"One {kind} leave can last {words.working_days(rule.longest_working)} at most; "
            f"this is {days}. Please give an earlier last day.",
            field="end_date",
        )
    return LeavePreview(kind, start, end, days, None, rule.needs_approval)


def _check_start(kind: LeaveKind, rule: LeaveRule, start: date, today: date) -> None:
    earliest = today + timedelta(days=rule.notice - rule.back)
    if start < earliest:
        raise InvalidChange(
            f"{kind.capitalize()} leave can begin on {words.day(earliest)} at the earliest. "
            "Please give another first day, or speak to HR.",
            field="start_date",
        )
    latest = today + timedelta(days=rule.ahead)
    if start > latest:
        raise InvalidChange(
            f"{kind.capitalize()} leave can begin on {words.day(latest)} at the latest. "
            "Please give an earlier first day.",
            field="start_date",
        )
