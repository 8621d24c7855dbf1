"""Account numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.records.iban import make_iban, mask_iban, parse_iban
from actions.records.interface import InvalidChange

GOOD = "DE89370400440532013000"  # the example of the ISO 13616 registry


@pytest.mark.parametrize(
    "text",
    [
        "DE89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91-ABNA-0417-1643-00",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "NO93 8601 1117 947",
        " DE89\u00a03704 0044 0532 0130 00 ",
    ],
)
def test_good_numbers(text: str) -> None:
    """The registry's examples pass, however they are spaced."""
    assert "".join(c for c in text.upper() if c.isalnum()) == parse_iban(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an IBAN"),
        ("my account", "not an IBAN"),
        ("532013000", "not an IBAN"),
        ("DE" + "9" * 500, "not an IBAN"),
        ("DE89 3704 0044 0532 0130 0\u0660", "not an IBAN"),
        ("DE89 3704 0044 0532 0130 00\x00", "not an IBAN"),
        ("\u202eDE89 3704 0044 0532 0130 00", "not an IBAN"),
        ("DE89370400440532013000'; DROP TABLE hr_bank_account; --", "not an IBAN"),
        ("BR15 0000 0000 0000 1093 2840 814P 2", "SEPA"),
        ("DE89 3704 0044 0532 0130 0", "22 characters"),
        ("DE89 3704 0044 0532 0130 000", "22 characters"),
        ("DE88 3704 0044 0532 0130 00", "check digits"),
        ("DE89 3704 0044 0532 0130 01", "check digits"),
        ("DE89 3704 0044 0532 0103 00", "check digits"),
    ],
)
def test_bad_numbers(text: str, reason: str) -> None:
    """Each kind of mistake gets its own sentence, and the number is not repeated in it."""
    with pytest.raises(InvalidChange, match=reason) as caught:
        parse_iban(text)
    assert "iban" == caught.value.field
    assert "0532" not in caught.value.message


@pytest.mark.parametrize("value", [None, 5, b"DE89", ["DE89"], {"iban": GOOD}, "\ud800"])
def test_no_text(value: object) -> None:
    """Anything that is not text is refused as a number that is not an IBAN."""
    with pytest.raises(InvalidChange, match="not an IBAN"):
        parse_iban(value)


@given(st.integers(4, 21), st.integers(1, 9))
def test_one_wrong_digit(position: int, step: int) -> None:
    """Changing any one digit of the account is noticed."""
    wrong = str((int(GOOD[position]) + step) % 10)
    with pytest.raises(InvalidChange, match="check digits"):
        parse_iban(GOOD[:position] + wrong + GOOD[position + 1 :])


@given(st.integers(0, 10**18 - 1))
def test_made_numbers_pass(account: int) -> None:
    """A number made for the demo has right check digits."""
    number = make_iban("DE", f"{account:018d}")
    assert number == parse_iban(number)


def test_mask() -> None:
    """The masked form shows country and last four characters and nothing else."""
    assert "DE•• … 3000" == mask_iban(GOOD)
