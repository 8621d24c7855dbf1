"""Clauses about time: hours and weekdays in a time zone, and the days on which a rule is valid.

Local time comes from the aware time of the request, so a change to summer time moves the window
with the clock on the wall. A request without an aware time has no time: the clause is `MISSING`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gatehouse.errors import InvalidInput
from gatehouse.policy.cuts import WallClock
from gatehouse.policy.document import Node, is_scalar
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import Request
from gatehouse.policy.verdicts import MISSING, NO, YES, Clause

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: (\S+))?")
_EXAMPLE = 'write it as "06:00-22:00 Europe/Berlin"'


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone called `name`. Raises `InvalidInput` when there is none."""
    try:
        return ZoneInfo(name)
    except Exception:  # noqa: BLE001 - a hostile name raises OSError and others
        raise InvalidInput(f"unknown time zone `{name}`", "write it as Europe/Berlin") from None


def local(request: Request, zone: ZoneInfo) -> datetime | None:
    """The time of the request on the wall in `zone`; None when the request has no aware time."""
    at = request.at
    if not isinstance(at, datetime) or at.tzinfo is None:
        return None
    return at.astimezone(zone)


def time_clauses(
    fields: Fields, entries: dict[str, Node], path: str, default: str
) -> list[Clause | None]:
    """The clauses of `hours` and `weekdays`; both use the time zone that `hours` names."""
    clauses: list[Clause | None] = []
    zone = default
    if "hours" in entries:
        window = _window(fields, entries["hours"], join(path, "hours"), default)
        if window is not None:
            start, end, zone = window
            clauses.append(_hours(start, end, zone))
    if "weekdays" in entries:
        clauses.append(_weekdays(fields, entries["weekdays"], join(path, "weekdays"), zone))
    return clauses


def validity(
    fields: Fields, entries: dict[str, Node], path: str, zone_name: str
) -> tuple[Clause | None, date | None]:
    """The clause of `valid_from` and `valid_until` (both days included) and the last day."""
    place = {key: join(path, key) for key in ("valid_from", "valid_until")}
    read = {key: fields.day(entries[key], place[key]) if key in entries else None for key in place}
    first, last = read["valid_from"], read["valid_until"]
    if first is None and last is None:
        return None, None
    if first and last and first > last:
        fields.wrong(entries["valid_until"], place["valid_until"], "the rule ends before it begins")
    zone = zone_of(zone_name)

    def test(request: Request, subject: str | None) -> int:
        at = local(request, zone)
        if at is None:
            return MISSING
        day = at.date()
        return NO if (first and day < first) or (last and day > last) else YES

    words = " ".join([*([f"from {first}"] if first else []), *([f"until {last}"] if last else [])])
    ends = (first, last + timedelta(days=1) if last and last < date.max else None)
    cuts = WallClock(zone_name, days=tuple(day for day in ends if day))
    return Clause("at", f"the date is {words}", test, cuts), last


def _window(fields: Fields, node: Node, path: str, default: str) -> tuple[int, int, str] | None:
    text = fields.text(node, path)
    if text is None:
        return None
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        fields.wrong(node, path, f"`{text}` is not a span of hours", _EXAMPLE)
        return None
    hour, minute, until_hour, until_minute = (int(part) for part in match.groups()[:4])
    start, end = hour * 60 + minute, until_hour * 60 + until_minute
    if hour > 23 or minute > 59 or until_minute > 59 or end > 24 * 60:
        fields.wrong(node, path, f"`{text}` has a time that no clock shows", _EXAMPLE)
        return None
    if start == end % (24 * 60):
        hint = "leave `hours` out for the whole day"
        fields.wrong(node, path, "the span of hours begins and ends at the same time", hint)
        return None
    zone = match[5] or default
    try:
        zone_of(zone)
    except InvalidInput as error:
        fields.wrong(node, path, error.message, *error.hints)
        return None
    return start, end, zone


def _hours(start: int, end: int, zone_name: str) -> Clause:
    zone = zone_of(zone_name)

    def test(request: Request, subject: str | None) -> int:
        at = local(request, zone)
        if at is None:
            return MISSING
        now = at.hour * 60 + at.minute
        # A span such as 22:00-06:00 goes over midnight.
        inside = start <= now < end if start < end else now >= start or now < end
        return YES if inside else NO

    words = f"the time in {zone_name} is {_clock(start)} to {_clock(end)}"
    return Clause("at", words, test, WallClock(zone_name, minutes=(start, end)))


def _weekdays(fields: Fields, node: Node, path: str, zone_name: str) -> Clause | None:
    nodes = [(node, path)] if is_scalar(node) else fields.items(node, path)
    days: set[int] = set()
    for item, below in nodes:
        text = fields.text(item, below)
        if text is None:
            return None
        span = _span(text)
        if not span:
            fields.wrong(item, below, f"`{text}` is not a weekday", _meant(text))
            return None
        days |= span
    zone = zone_of(zone_name)

    def test(request: Request, subject: str | None) -> int:
        at = local(request, zone)
        if at is None:
            return MISSING
        return YES if at.weekday() in days else NO

    names = ", ".join(WEEKDAYS[day] for day in sorted(days))
    return Clause("at", f"the day in {zone_name} is {names}", test, WallClock(zone_name))


def _span(text: str) -> set[int]:
    first, _, last = text.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        return set()
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    return {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}


def _meant(text: str) -> str:
    """A hint for what is no span of weekdays, such as `Mo-Fr` or `Saturday`."""
    parts = re.split(r"\W+|\bto\b", text.lower())
    found = [day for part in parts for day in WEEKDAYS if len(part) > 1 and day[:2] == part[:2]]
    if found and len(found) == len([part for part in parts if part]):
        return f"did you mean `{'-'.join(found)}`?"
    return f"write mon-fri or [sat, sun]; the days are {', '.join(WEEKDAYS)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
