"""Which passwords may be chosen: long ones that nobody would guess first.

Follows NIST SP 800-63B-4 section 3.1.1.2. A session begins with the password alone, so it counts as
a single factor and needs 15 characters; the shorter 8 would be allowed only if every session
demanded a second factor. There are no composition rules and no expiry by age. The whole password is
compared with what is common or expected, in any decoration; a common word inside an otherwise free
password is never held against it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from gatehouse.errors import InvalidInput
from gatehouse.identity.keyboard_walks import is_walk
from gatehouse.identity.passwords import MAX_LENGTH

MIN_LENGTH = 15
SERVICE_WORDS = ("gatehouse", "brightwater", "logistics", "payroll", "helpdesk")
"""Expected words of this service; a deployment adds its own through `Directory(words=…)`."""

_CALENDAR = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday "
    "saturday sunday spring summer autumn fall winter januar februar maerz märz mai juni juli "
    "oktober dezember fruehling frühling sommer herbst montag dienstag mittwoch donnerstag freitag"
)
"""What people put in front of a year."""

_LIST = Path(__file__).with_name("common_passwords.txt")
_SWAPS = str.maketrans("013457@$!", "oieastasi")
_RUNS = (
    "1234567890" * 26,
    "abcdefghijklmnopqrstuvwxyz" * 10,
    "qwertyuiopasdfghjklzxcvbnm" * 10,
    "qwertzuiopasdfghjklyxcvbnm" * 10,
)
_FEWEST_DIFFERENT = 6
_MOST_COMMON_WORDS = 2


class PasswordRefused(InvalidInput):
    """The password may not be chosen. `reason` is one of `too_short`, `too_long`, `not_text`,
    `repeated`, `sequence`, `common`, `breached`, `unchanged`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(
            message, "three or four words that do not belong together are a good start"
        )
        self.reason = reason


def check_new_password(
    password: object,
    context: Iterable[str] = (),
    breached: Callable[[str], bool] | None = None,
) -> str:
    """`password`, if it may be chosen by somebody to whom the words of `context` belong.

    `context` holds names (user name, display name, organisation); their parts count as well;
    `breached` says whether a password was stolen somewhere. Raises `PasswordRefused`, and whatever
    `breached` raises when it cannot tell.
    """
    text = _checked_text(password)
    folded = unicodedata.normalize("NFKC", text).casefold()
    squeezed = "".join(folded.split())
    if _period(squeezed) < _FEWEST_DIFFERENT:
        raise PasswordRefused("repeated", "this password repeats a few characters")
    if is_walk(squeezed) or any(
        _runs(piece) for piece in (squeezed, squeezed[: _period(squeezed)])
    ):
        raise PasswordRefused("sequence", "this password follows the keyboard or the alphabet")
    words = _context_words(context)
    if any(_is_expected(core, words) for core in _cores(folded)):
        raise PasswordRefused(
            "common", "this password is made of common words or of names that belong to you"
        )
    if breached is not None and breached(text):
        raise PasswordRefused("breached", "this password was stolen from somebody, somewhere")
    return text


def _runs(text: str) -> bool:
    return any(text in run or text[::-1] in run for run in _RUNS)


def _checked_text(password: object) -> str:
    if not isinstance(password, str):
        raise PasswordRefused("not_text", "a password must be text")
    if len(password) > MAX_LENGTH:
        raise PasswordRefused("too_long", f"use at most {MAX_LENGTH} characters")
    try:
        normalised = unicodedata.normalize("NFC", password)
        normalised.encode("utf-8")
    except UnicodeEncodeError:
        raise PasswordRefused("not_text", "a password must be text") from None
    if len(normalised) < MIN_LENGTH:
        raise PasswordRefused("too_short", f"use at least {MIN_LENGTH} characters")
    return password


def _period(text: str) -> int:
    """Length of the shortest piece that, repeated, gives `text`; its last copy may be cut off."""
    for length in range(1, len(text)):
        if text[length:] == text[:-length]:
            return length
    return len(text)


def _cores(folded: str) -> set[str]:
    """The letters of a password, with the usual decorations and look-alikes taken off."""
    trimmed = folded.strip("0123456789!?.,;:-_+*#$%&/()=@ ")
    plain = "".join(character for character in folded if character.isalpha())
    swapped = "".join(filter(str.isalpha, trimmed.translate(_SWAPS)))
    cores = {plain, swapped} - {""}
    return cores | {core[: _period(core)] for core in cores}


def _is_expected(core: str, context: frozenset[str]) -> bool:
    """Whether `core` is nothing but words of `context` and at most two from the common list."""
    # cost[i]: fewest common words that spell the first i letters, context words being free.
    cost: list[int | None] = [0] + [None] * len(core)
    common = common_passwords()
    longest = max((len(word) for word in (*common, *context)), default=0)
    for end in range(1, len(core) + 1):
        for start in range(max(0, end - longest), end):
            before, word = cost[start], core[start:end]
            if before is None or (word not in context and word not in common):
                continue
            total = before + (word not in context)
            best = cost[end]
            cost[end] = total if best is None else min(best, total)
    final = cost[-1]
    return final is not None and final <= _MOST_COMMON_WORDS


def _context_words(context: Iterable[str]) -> frozenset[str]:
    words: set[str] = set()
    for name in (*SERVICE_WORDS, *_CALENDAR.split(), *context):
        folded = unicodedata.normalize("NFKC", name).casefold()
        parts = re.split(r"[^\w]+|_|\d+", folded)
        words.update(part for part in (*parts, "".join(parts)) if len(part) >= 3)
    return frozenset(words)


@cache
def common_passwords() -> frozenset[str]:
    """The list of common passwords that ships with Gatehouse, letters and digits, lower case."""
    return frozenset(_LIST.read_text(encoding="utf-8").split())
