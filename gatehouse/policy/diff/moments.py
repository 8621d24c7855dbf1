"""Moments that stand for all others, for conditions about hours, weekdays and dates.

The conditions see a time on the wall of one or several time zones. Between the days at which a
rule begins or ends they repeat every week as long as no clock is changed, so a week of every such
time within a year and more is looked at. Only real moments are used: a time that no clock shows
must never make a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gatehouse.policy.cuts import WallClock
from gatehouse.policy.times import zone_of

_DAY = timedelta(days=1)
# More than a year, with every change of every zone.
_YEAR = 400
# A week and a day at each end, in which every weekday passes from beginning to end.
_WEEK = 9
# Where to look when no rule has a date: about the ordinary situation.
_ANY = date(2027, 2, 28)


def moments(clocks: Iterable[WallClock], since: datetime | None) -> tuple[datetime, ...]:
    """Moments such that any other one from `since` on is like one of them to all of `clocks`."""
    return _moments(frozenset(clocks), since)


@lru_cache(maxsize=256)
def _moments(cuts: frozenset[WallClock], since: datetime | None) -> tuple[datetime, ...]:
    zones = {
        zone_of(name): sorted({0, *(m % 1440 for c in cuts if c.zone == name for m in c.minutes)})
        for name in sorted({cut.zone for cut in cuts})
    }
    found: set[datetime] = set()
    for first, last in _spans(cuts, since):
        for day, changes in _telling_days(zones, first, last):
            for zone, minutes in zones.items():
                found.update(_breaks(zone, minutes, day, changes))
    return tuple(sorted(at for at in found if since is None or at >= since))


def _spans(cuts: frozenset[WallClock], since: datetime | None) -> Iterator[tuple[date, date]]:
    """The days to look at: a year from every day on which something can begin or end.

    Both ends reach a day further, because a day begins earlier in the east.
    """
    days = sorted({day for cut in cuts for day in cut.days})
    begin = _ANY
    if since is not None:
        begin = since.date()
    elif days:
        begin = date.fromordinal(max(2, days[0].toordinal() - _YEAR))
    starts = [begin, *(day for day in days if day > begin)]
    for number, first in enumerate(starts):
        end = min(first.toordinal() + _YEAR, date.max.toordinal() - 3)
        if number + 1 < len(starts):
            end = min(end, starts[number + 1].toordinal())
        yield max(first, date(1, 1, 3)) - _DAY, date.fromordinal(end) + _DAY


def _telling_days(
    zones: Iterable[ZoneInfo], first: date, last: date
) -> Iterator[tuple[date, bool]]:
    """The days of the span that are not like one a week before, and whether a clock is changed.

    While no clock is changed everything repeats after a week.
    """
    before: list[tuple[timedelta | None, timedelta | None]] = []
    left = 0
    day = first
    while day <= last:
        offsets = [(_offset(zone, day), _offset(zone, day + _DAY)) for zone in zones]
        if offsets != before:
            before, left = offsets, _WEEK
        if left:
            left -= 1
            yield day, any(one != other for one, other in offsets)
        day += _DAY


def _offset(zone: ZoneInfo, day: date) -> timedelta | None:
    return datetime.combine(day, time(0), zone).utcoffset()


def _breaks(zone: ZoneInfo, minutes: list[int], day: date, changes: bool) -> Iterator[datetime]:
    """The moments of the day at which the clock in the zone shows one of `minutes`.

    All quarters of an hour when a clock is changed, because that may skip one of them.
    """
    midnight = datetime.combine(day, time(0), zone)
    for minute in minutes:
        yield midnight.replace(hour=minute // 60, minute=minute % 60).astimezone(UTC)
    if changes:
        begin = midnight.astimezone(UTC)
        yield from (begin + timedelta(minutes=15 * step) for step in range(100))
