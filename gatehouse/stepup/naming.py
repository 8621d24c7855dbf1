"""What people call their authenticators: what a name may be, and that each is a different one.

A name is all by which somebody tells two of them apart when approving that one is removed, so no two of a
person may look the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Final

from gatehouse.errors import InvalidInput

LONGEST_NAME: Final = 40
NAMES: Final = {
    "totp": "Authenticator app",
    "webauthn": "Passkey",
    "email": "E-mail",
    "sms": "Text message",
}


class NameTaken(InvalidInput):
    """The person has another authenticator of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"You already have one called “{name}”. Choose a name that tells them apart."
        )


def checked_name(name: object) -> str:
    """`name` as it is kept: one line of 1 to 40 visible characters; raises `InvalidInput`."""
    text = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    hidden = any(unicodedata.category(sign)[0] in "CZ" and sign != " " for sign in text)
    if not text or len(text) > LONGEST_NAME or hidden:
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} visible characters, on one line.")
    return text


def require_another(name: str, taken: Collection[str]) -> None:
    """Raise `NameTaken` when `name` reads like one of those `taken`."""
    if _read(name) in {_read(other) for other in taken}:
        raise NameTaken(name)


def told_apart(name: str, taken: Collection[str]) -> str:
    """`name`, or with the next number behind it when it is `taken`."""
    others, tried, number = {_read(other) for other in taken}, name, 1
    while _read(tried) in others:
        number += 1
        end = f" {number}"
        tried = name[: LONGEST_NAME - len(end)].rstrip() + end
    return tried


def _read(name: str) -> str:
    """What is left of a name for a hurried reader: no case, no width, no extra spaces (UAX 31)."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
