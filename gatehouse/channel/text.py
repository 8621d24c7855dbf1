"""Text as it may reach Rasa: normalised, visible, and never a command.

Rasa turns any text that starts with `/` after `strip()` into an intent of the writer's choice
(`RegexMessageHandler`), and one-time codes must not get into trackers. Both are taken out here.
Nothing in this module may log or keep a text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Other, private, unassigned, and format characters (bidi overrides, zero width, tags).
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = frozenset("\t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029")

# Six digits, also in two groups of three, that are not part of a longer number.
_CODE = re.compile(r"(?<![0-9])(?<![0-9][ -])([0-9]{3})[ -]?([0-9]{3})(?![ -]?[0-9])")
_BARE_CODE = re.compile(
    r"\W*(?:(?:here(?: is|'s)|it is|it's|my|the|this is)\s+)*(?:my\s+|the\s+)?"
    r"(?:(?:one[ -]time\s+|security\s+)?(?:code|pin|token|otp|number)\s*(?:is)?)?\W*"
    + _CODE.pattern
    + r"\W*",
    re.IGNORECASE,
)


class TextTooLong(ValueError):
    """The text is longer than a message may be."""


def normalise(text: str, limit: int) -> str:
    """`text` in NFC without control, format and unassigned characters, of at most `limit` characters.

    A leading `/` is removed, however often it is written and whatever stands before it, so that the
    result is never a Rasa command. The result may be empty. Raises `TextTooLong`.
    """
    kept = "".join(" " if sign in _SPACES else sign for sign in text if _is_kept(sign))
    clean = unicodedata.normalize("NFC", kept).strip()
    if len(clean) > limit:
        raise TextTooLong
    while clean.startswith("/"):
        clean = clean.lstrip("/").strip()
    return clean


def _is_kept(sign: str) -> bool:
    return sign in _SPACES or unicodedata.category(sign) not in _DROPPED


@dataclass(frozen=True, slots=True)
class FoundCode:
    """What a text says about one-time codes.

    `code` is the six digits when the text holds exactly one such number, `many` says that it holds
    several, `bare` that the text is nothing but a code (with words such as "my code is").
    """

    code: str | None
    many: bool
    bare: bool


def find_code(text: str) -> FoundCode:
    """The six-digit code in `text`, in any script's digits."""
    ascii_digits = "".join(_as_ascii(sign) for sign in text)
    found = [first + second for first, second in _CODE.findall(ascii_digits)]
    return FoundCode(
        code=found[0] if len(found) == 1 else None,
        many=len(found) > 1,
        bare=_BARE_CODE.fullmatch(ascii_digits) is not None,
    )


def _as_ascii(sign: str) -> str:
    if sign.isascii():
        return sign
    if unicodedata.category(sign) in {"Zs", "Pd"}:
        return "-" if unicodedata.category(sign) == "Pd" else " "
    digit = unicodedata.digit(sign, None)
    return sign if digit is None else str(digit)
