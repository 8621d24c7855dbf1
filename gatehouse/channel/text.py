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

_SEPARATOR = r"[ \-._,/\u2044\u2215\u00b7]"
# Not a part of a longer number, of a phone number, of a reference such as L-000242, or an amount.
_BEFORE = (
    rf"(?<![0-9])(?<![0-9]{_SEPARATOR})(?<![0-9]\) )"
    r"(?<!\b[A-Za-z])(?<!\b[A-Za-z]-)(?<!\b[A-Za-z]{2}-)(?<![€$£])(?<![€$£] )"
)
_AFTER = rf"(?!{_SEPARATOR}?[0-9])(?! ?(?:[€$£%]|(?:eur|euros?|usd|gbp|dollars?|pounds?)\b))"
# Six digits, also in two groups of three.
_CODE = re.compile(rf"{_BEFORE}[0-9]{{3}}[ -]?[0-9]{{3}}{_AFTER}", re.IGNORECASE)
# The same with any other separator: a code only where the rest of the text says so.
_WIDE_CODE = re.compile(
    rf"{_BEFORE}(?:[0-9]{{3}}{_SEPARATOR}?[0-9]{{3}}|[0-9]{{2}}(?:[ -][0-9]{{2}}){{2}}"
    rf"|[0-9](?:[ -][0-9]){{5}}){_AFTER}",
    re.IGNORECASE,
)
# Sort, postal and cost codes are what people legitimately write about.
_CODE_WORD = re.compile(
    r"(?<!\bsort[ -])(?<!\bpost[ -])(?<!\bpostal[ -])(?<!\bzip[ -])(?<!\bcost[ -])"
    r"\bcodes?(?![a-z])"
    r"|\b(?:pin|otp|token|passcode|authenticator|2fa|mfa)s?(?![a-z])",
    re.IGNORECASE,
)
# A recovery code or enrolment ticket: its prefix, ten signs in two groups, a digit among them.
_RECOVERY = re.compile(
    r"(?<![a-z0-9])(?:rc|tk)[ -]?(?=[a-z0-9 -]{0,10}[0-9])[a-z0-9]{5}[ -]?[a-z0-9]{5}(?![a-z0-9])",
    re.IGNORECASE,
)
# What people write around a code and nothing else: with these words alone a text is a code.
_AROUND_A_CODE = frozenset(
    [
        "a",
        "again",
        "and",
        "authenticator",
        "code",
        "go",
        "here",
        "is",
        "it",
        "mfa",
        "my",
        "now",
        "number",
        "ok",
        "okay",
        "one",
        "otp",
        "pass",
        "passcode",
        "pin",
        "please",
        "recovery",
        "s",
        "security",
        "so",
        "thank",
        "thanks",
        "the",
        "then",
        "this",
        "time",
        "token",
        "use",
        "well",
        "yes",
        "you",
    ]
)
MASKED = "\u2022" * 6

_REFUSALS = frozenset(
    {
        "abort", "cancel", "cancel it", "cancel that", "cancel this", "dont", "forget it",
        "never mind", "nevermind", "no", "no thank you", "no thanks", "nope", "please cancel",
        "please stop", "quit", "stop", "stop it",
    }
)  # fmt: skip
_CONSENTS = frozenset(
    {"confirm", "confirm it", "go ahead", "ok", "okay", "sure", "yeah", "yep", "yes", "yes please"}
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

    `code` is the six digits, or the recovery code, when the text holds exactly one; `many` says that it
    holds several, `bare` that the text is nothing but a code (with words such as "my code is").
    """

    code: str | None
    many: bool
    bare: bool


def find_code(text: str, *, waiting: bool = False) -> FoundCode:
    """The six-digit code in `text`, in any script's digits.

    While a request is `waiting` for a code, unusual separators (`123.456`, `12 34 56`) count as
    well, if the text speaks of a code or is nothing else.
    """
    ascii_digits = _ascii_digits(text)
    recovery = list(_RECOVERY.finditer(ascii_digits))
    if recovery:
        one = recovery[0][0] if len(recovery) == 1 else None
        return FoundCode(one, len(recovery) > 1, _is_bare(ascii_digits, recovery))
    found = list(_CODE.finditer(ascii_digits))
    if not found and waiting:
        found = list(_WIDE_CODE.finditer(ascii_digits))
        if not (_CODE_WORD.search(ascii_digits) or _is_bare(ascii_digits, found)):
            found = []
    return FoundCode(
        code=re.sub("[^0-9]", "", found[0][0]) if len(found) == 1 else None,
        many=len(found) > 1,
        bare=_is_bare(ascii_digits, found),
    )


def masked(text: str) -> str:
    """`text` with every recovery code, and if it speaks of codes every six-digit one, as `MASKED`."""
    ascii_digits = _ascii_digits(text)  # one sign for each of `text`
    for match in reversed(list(_RECOVERY.finditer(ascii_digits))):
        text = text[: match.start()] + MASKED + text[match.end() :]
        ascii_digits = _ascii_digits(text)
    if not _CODE_WORD.search(ascii_digits):
        return text
    for match in reversed(list(_WIDE_CODE.finditer(ascii_digits))):
        text = text[: match.start()] + MASKED + text[match.end() :]
    return text


def is_refusal(text: str) -> bool:
    """Whether the whole of `text` says no, such as "Cancel it!"."""
    return _plain(text) in _REFUSALS


def is_consent(text: str) -> bool:
    """Whether the whole of `text` says yes, such as "OK."."""
    return _plain(text) in _CONSENTS


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", re.sub("['\u2019]", "", text.casefold())))


def _is_bare(ascii_digits: str, found: list[re.Match[str]]) -> bool:
    if len(found) != 1:
        return False
    rest = ascii_digits[: found[0].start()] + " " + ascii_digits[found[0].end() :]
    return _AROUND_A_CODE.issuperset(re.findall(r"\w+", rest.casefold()))


def _ascii_digits(text: str) -> str:
    return "".join(_as_ascii(sign) for sign in text)


def _as_ascii(sign: str) -> str:
    if sign.isascii():
        return sign
    if unicodedata.category(sign) in {"Zs", "Pd"}:
        return "-" if unicodedata.category(sign) == "Pd" else " "
    digit = unicodedata.digit(sign, None)
    return sign if digit is None else str(digit)
