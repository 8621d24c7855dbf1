"""Values that people typed, checked before anything is looked up or written.

Anything may arrive here: nothing, megabytes, SQL, control characters, text that reorders what a
screen shows. Each check returns the value in the form that is stored, or raises `InvalidChange`
with a sentence for the person and the name of the value. Nothing typed is ever repeated in it.
Forms may use these checks to ask again at once.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

from actions.records import words
from actions.records.interface import InvalidChange, RecordNotFound
from actions.records.model import CASE_KINDS, LEAVE_KINDS, CaseKind, LeaveKind

LONGEST_STREET = 100
LONGEST_CITY = 60
LONGEST_NAME = 80
LONGEST_TEXT = 4000
SHORTEST_INCIDENT = 10

# Characters that reorder displayed text can make a reader approve something else (CVE-2021-42574).
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SPACES = re.compile(r"[ \t\u00a0\u202f]+")

_LEAVE_ALIASES: dict[str, LeaveKind] = {
    "vacation": "annual",
    "holiday": "annual",
    "paid": "annual",
    "illness": "sick",
    "sickness": "sick",
    "maternity": "parental",
    "paternity": "parental",
    "bereavement": "special",
    "compassionate": "special",
}


def employee_id(value: object) -> str:
    """An employee id. Raises `RecordNotFound`."""
    if not isinstance(value, str) or not re.fullmatch(r"E-[0-9]{1,9}", value):
        raise RecordNotFound("There is no such person in the records.")
    return value


def request_key(value: object) -> str:
    """A key under which a change can be repeated. Raises `InvalidChange`."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._:-]{8,128}", value):
        raise InvalidChange("This request cannot be identified. Please start it again.")
    return value


def street(value: object) -> str:
    """A street with house number."""
    text = _line(value, "street", "the street and house number", LONGEST_STREET)
    named = re.search(r"[^\W\d_]{2}", text) and re.search(r"\d", text)
    if not named or not re.fullmatch("[\\w .,'\u2019&()+/#-]+", text):
        raise InvalidChange(
            "Please give the street together with the house number, for example Lindenweg 12.",
            field="street",
        )
    return text


def postcode(value: object) -> str:
    """A German postcode: five digits from 01001 to 99998."""
    text = value.strip() if isinstance(value, str) and len(value) <= LONGEST_CITY else ""
    if not re.fullmatch(r"[0-9]{5}", text) or not "01001" <= text <= "99998":
        raise InvalidChange(
            "A German postcode has five digits, for example 10115. Please type it again.",
            field="postcode",
        )
    return text


def city(value: object) -> str:
    """A town."""
    text = _line(value, "city", "the town", LONGEST_CITY)
    if not re.fullmatch(r"(?=.*[^\W\d_]{2})[^\W\d_][^\d_<>;:\"=*]*", text):
        raise InvalidChange("Please give the name of the town only.", field="city")
    return text


def former_employer(value: object) -> str:
    """The name of a company; empty when none is given."""
    if value is None or value == "":
        return ""
    return _line(value, "former_employer", "the name of your former employer", LONGEST_NAME)


def case_text(value: object, kind: CaseKind) -> str:
    """What a case is about: up to 4000 characters, lines allowed, required for an incident."""
    if not isinstance(value, str | None):
        raise InvalidChange("Please describe it in your own words.", field="text")
    text = (value or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidChange(
            f"That is too long. Please describe it in at most {LONGEST_TEXT} characters; "
            "details can follow when the desk calls back.",
            field="text",
        )
    if not all(character in "\n\t" or _fits_in_text(character) for character in text):
        raise InvalidChange(
            "That contains characters that cannot be shown safely. "
            "Please describe it in your own words, without pasting.",
            field="text",
        )
    if kind == "security_incident" and len(text) < SHORTEST_INCIDENT:
        raise InvalidChange(
            "Please describe in a sentence or two what happened, when and where.", field="text"
        )
    return unicodedata.normalize("NFC", text)


def case_kind(value: object) -> CaseKind:
    """One of `CASE_KINDS`."""
    for kind in CASE_KINDS:
        if value == kind:
            return kind
    raise InvalidChange("That kind of request cannot be passed on. Please ask to speak to HR.")


def leave_kind(value: object) -> LeaveKind:
    """One of `LEAVE_KINDS`, also with the word leave after it or by a common other name."""
    text = value.strip().casefold() if isinstance(value, str) and len(value) < 40 else ""
    text = text.removesuffix("leave").strip()
    for kind in LEAVE_KINDS:
        if text == kind:
            return kind
    if text in _LEAVE_ALIASES:
        return _LEAVE_ALIASES[text]
    raise InvalidChange(
        f"Which kind of leave do you want? There is {words.listed(LEAVE_KINDS)} leave.",
        field="leave_kind",
    )


def day(value: object, field: str) -> date:
    """A calendar day."""
    if isinstance(value, datetime) or not isinstance(value, date):
        which = "first" if field == "start_date" else "last"
        raise InvalidChange(f"Please give the {which} day of your leave as a date.", field=field)
    return value


def whole_number(value: object, low: int, high: int) -> int | None:
    """`value` when it is a whole number from `low` to `high`, else None."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    return None


def _line(value: object, field: str, what: str, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidChange(f"Please give {what}.", field=field)
    if len(value) > longest:
        raise InvalidChange(
            f"That is too long. Please give {what} in at most {longest} characters.", field=field
        )
    text = unicodedata.normalize("NFC", _SPACES.sub(" ", value).strip())
    if any(unicodedata.category(character) in _LINE_CATEGORIES for character in text):
        raise InvalidChange(
            f"That contains characters that cannot be stored. "
            f"Please give {what} on one line, without special signs.",
            field=field,
        )
    return text


def _fits_in_text(character: str) -> bool:
    # Joiners and variation marks stay: emoji and several scripts need them.
    return unicodedata.category(character) not in {"Cc", "Cs"} and character not in _REORDERING
