"""What a typed code looks like.

Parsing decides whether text can be a code at all; it never decides whether one is right. Digits of
other scripts are read as the digits they are, because an input method may produce them and a code
that is not recognised as one would travel on as an ordinary message.
"""

from __future__ import annotations

import re
import unicodedata

DIGITS = 6

_CODE = re.compile(r"(\d{3})[ -]?(\d{3})", re.ASCII)
_NEARLY = re.compile(
    r"(?:code|my code|the code)?\s*(?:is|:)?\s*\d(?:[ -]?\d){3,9}\s*[.!]?", re.IGNORECASE
)
_LONGEST = 64


def parse_code(text: object) -> str | None:
    """The six ASCII digits that `text` stands for, None when it is no code.

    A space or hyphen may stand in the middle: `123456`, `123 456`, `123-456`.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    match = _CODE.fullmatch(_ascii_digits(text).strip())
    return match[1] + match[2] if match else None


def looks_like_code(text: object) -> bool:
    """Whether `text` was probably meant as a code, mistyped ones of 4 to 10 digits included.

    While a challenge is open the channel keeps such text away from Rasa, right or wrong.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return False
    return _NEARLY.fullmatch(_ascii_digits(text).strip()) is not None


def _ascii_digits(text: str) -> str:
    return "".join(_as_ascii(character) for character in text)


def _as_ascii(character: str) -> str:
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    return " " if character.isspace() else character
