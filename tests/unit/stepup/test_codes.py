"""What text is read as a code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.stepup import looks_like_code, parse_code


@pytest.mark.parametrize(
    "text",
    [
        "123456",
        " 123456\n",
        "123 456",
        "123-456",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "١٢٣٤٥٦",
        "123\u00a0456",
        "१२३ 456",
    ],
)
def test_six_digits_are_a_code(text: str) -> None:
    """One space or hyphen in the middle and digits of other scripts are read as meant."""
    assert ("123456", True) == (parse_code(text), looks_like_code(text))


@pytest.mark.parametrize(
    "text",
    [
        None,
        123456,
        b"123456",
        "",
        "12345",
        "1234567",
        "12 34 56",
        "123  456",
        "1234 56",
        "12345a",
        "+12345",
        "-12345",
        "1e5000",
        "123.456",
        "¹²³⁴⁵⁶",
        "①②③④⑤⑥",
        "123456\x00",
        "1" * 10**6,
        ["1"] * 6,
    ],
)
def test_anything_else_is_no_code(text: object) -> None:
    """Too few, too many, signs, exponents, look-alikes that are no decimal digits: no code."""
    assert parse_code(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345", True),
        ("1234567", True),
        ("12 34 56", True),
        ("my code is 123456", True),
        ("Code: 123 456.", True),
        ("show my payslip for 2026", False),
        ("12", False),
        ("DE89 3704 0044 0532 0130 00", False),
        ("yes", False),
        (None, False),
        ("1" * 100, False),
    ],
)
def test_near_codes_are_recognised(text: object, expected: bool) -> None:
    """Mistyped codes are kept away from Rasa as well; ordinary messages are not."""
    assert expected == looks_like_code(text)


@given(st.text())
def test_a_code_is_six_ascii_digits(text: str) -> None:
    """Whatever the text, what comes out is six ASCII digits or nothing, and looks like a code."""
    code = parse_code(text)
    if code is not None:
        assert len(code) == 6 and code.isascii() and code.isdigit() and looks_like_code(text)
