"""What a person does who mistypes a code, as told from somebody who guesses.

One digit wrong, two neighbours exchanged, or a code that was good a moment ago: nearly every honest
mistake is one of these, and a guess hardly ever is. Such slips are not counted for the yearly bound, so
that a person who mistypes for years is not locked out. They are wrong all the same, use up a try of
the request, and are slowed down like any other; nobody is ever told that a code was nearly right.
"""

from __future__ import annotations

LATE_STEPS = 4
"""Steps before the good ones whose codes count as typed too late: two minutes."""

_ONE_DIGIT = 6 * 9
_NEIGHBOURS = 5
SLIPS_PER_CODE = (2 * (_ONE_DIGIT + _NEIGHBOURS) + LATE_STEPS) / 1_000_000
"""Share of all codes that are slips at one moment, at most: two good codes, four late ones."""


def is_slip(good: str, given: str) -> bool:
    """Whether `given` is `good` with one digit wrong or two neighbours exchanged."""
    if len(good) != len(given):
        return False
    wrong = [place for place, (a, b) in enumerate(zip(good, given, strict=True)) if a != b]
    if len(wrong) == 1:
        return given[wrong[0]].isdigit()
    if len(wrong) != 2 or wrong[1] - wrong[0] != 1:
        return False
    first, second = wrong
    return good[first] == given[second] and good[second] == given[first]
