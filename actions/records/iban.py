"""Account numbers: checking, masking and, for demo data, making them (ISO 13616, mod 97-10).

Pay goes out as SEPA transfers, so an account outside that area is refused. A full number must
never leave this package: errors do not repeat it and answers carry the masked form.
"""

from __future__ import annotations

import re

from actions.records.interface import InvalidChange

LONGEST_INPUT = 64
"""Characters of an account number as typed, spaces included."""

# Lengths of the ISO 13616 registry for the countries of the SEPA geographical scope.
SEPA_LENGTHS = {
    "AD": 24, "AL": 28, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22,
    "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21,
    "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
    "RS": 22, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}  # fmt: skip


def parse_iban(text: object) -> str:
    """The account number in `text` in its electronic form: capitals and digits, no spaces.

    Raises `InvalidChange` (field `iban`) that says what is wrong without repeating the number.
    """
    if not isinstance(text, str) or len(text) > LONGEST_INPUT:
        raise _refused("That is not an IBAN. Please type it as it stands on your bank statement.")
    number = re.sub(r"[ \u00a0\u202f-]", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", number):
        raise _refused(
            "That is not an IBAN. It starts with two letters for the country and two digits, "
            "for example DE and 20 digits. Please type it again."
        )
    length = SEPA_LENGTHS.get(number[:2])
    if length is None:
        raise _refused(
            "Pay can only go to an account in the SEPA payment area. "
            "Please give an IBAN of such an account."
        )
    if len(number) != length:
        raise _refused(
            f"An IBAN that starts with {number[:2]} has {length} characters, "
            f"this one has {len(number)}. Please check it and type it again."
        )
    if number[2:4] in {"00", "01", "99"} or _remainder(number) != 1 or not _plausible(number):
        raise _refused(
            "The check digits of this IBAN do not match, so there is a typing mistake in it. "
            "Please compare it with your bank statement and type it again."
        )
    return number


def mask_iban(number: str) -> str:
    """The country and the last four characters of a checked number, `DE•• … 4321`."""
    return f"{number[:2]}•• … {number[-4:]}"


def make_iban(country: str, account: str) -> str:
    """A number with right check digits for `account` (the part after them); for demo data."""
    return f"{country}{98 - _remainder(f'{country}00{account}'):02d}{account}"


def _remainder(number: str) -> int:
    """The number, first four characters moved to the end and letters as 10 to 35, modulo 97."""
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97


def _plausible(number: str) -> bool:
    return not number.startswith("DE") or number[4:].isdigit()


def _refused(message: str) -> InvalidChange:
    return InvalidChange(message, field="iban")
