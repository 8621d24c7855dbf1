"""No text that a person can write is a command to Rasa, and codes are recognised."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.nlu.training_data.message import Message

from gatehouse.channel.text import (
    TextTooLong,
    find_code,
    is_consent,
    is_refusal,
    masked,
    normalise,
)

AWKWARD = st.text(
    alphabet=st.sampled_from(
        "/ \t\n\r\x00\x1c\x85\u00a0\u2003\u2028\u202e\u200b\ufeff\u2066\u0301a{"
    )
)


@given(st.one_of(st.text(max_size=60), AWKWARD))
def test_normalised_text_is_never_a_command(text: str) -> None:
    """Rasa's own unpacking leaves every normalised text alone."""
    message = Message({"text": normalise(text, 2000)})
    assert YAMLStoryReader.unpack_regex_message(message) is message


@given(st.one_of(st.text(max_size=60), AWKWARD))
def test_normalising_again_changes_nothing(text: str) -> None:
    """Normalisation is idempotent and gives NFC."""
    once = normalise(text, 2000)
    assert once == normalise(once, 2000)
    assert unicodedata.normalize("NFC", once) == once


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        " /restart",
        "\ufeff/restart",
        "\u202e/restart",
        "\u200b / //restart",
        "\x00/restart",
        "/\u200d/restart",
        "\u2028/restart",
        "\U000e0001/restart",
    ],
)
def test_slash_variants_lose_their_slash(text: str) -> None:
    """Whatever invisible sign stands before a slash, what is left is the word."""
    assert normalise(text, 2000) == "restart"


def test_text_inside_is_kept() -> None:
    """A slash inside a sentence and letters with marks stay."""
    assert normalise("1/2 day off, Zoë e\u0301", 2000) == "1/2 day off, Zoë \u00e9"


def test_limit_counts_after_normalisation() -> None:
    """Two code points that compose to one letter count as one; one letter too many is refused."""
    assert normalise("e\u0301" * 10, 10) == "\u00e9" * 10
    with pytest.raises(TextTooLong):
        normalise("e\u0301" * 11, 10)


@pytest.mark.parametrize(
    ("text", "code", "bare"),
    [
        ("123456", "123456", True),
        ("123 456", "123456", True),
        ("123-456.", "123456", True),
        ("my code is 123456", "123456", True),
        ("Code: 123456", "123456", True),
        ("the code is 123 456!", "123456", True),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "123456", True),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", "123456", True),
        ("please use 123456 for it", "123456", False),
        ("1234567", None, False),
        ("12345", None, False),
        ("DE89 3704 0044 0532 0130 00", None, False),
        ("DE89370400440532013000", None, False),
        ("on 2026-10-12", None, False),
        ("call 030 123 456 78", None, False),
        ("ok then 123456 thanks", "123456", True),
        ("withdraw L-000242", None, False),
        ("€123456", None, False),
        ("123456 EUR", None, False),
        ("123456.50", None, False),
        ("123.456", None, False),
        ("12 34 56", None, False),
    ],
)
def test_codes_are_found(text: str, code: str | None, bare: bool) -> None:
    """Six digits in any script are a code; parts of longer numbers are not."""
    found = find_code(text)
    assert (code, bare) == (found.code, found.bare)


def test_several_codes_are_not_guessed_between() -> None:
    """With two candidates neither is taken."""
    found = find_code("123456 or 654321")
    assert (None, True) == (found.code, found.many)


@pytest.mark.parametrize("sign", [".", "_", ",", "/", "\u2044", " ", "-"])
@pytest.mark.parametrize("form", ["{}", "my code is {}", "the code it shows now: {} I think"])
def test_a_waiting_request_knows_codes_with_other_separators(sign: str, form: str) -> None:
    """Three and three digits are a code when the text is bare or speaks of a code."""
    text = form.format(f"123{sign}456")
    assert "123456" == find_code(text, waiting=True).code


@pytest.mark.parametrize("code", ["12 34 56", "12-34-56", "1 2 3 4 5 6"])
def test_a_waiting_request_knows_codes_in_small_groups(code: str) -> None:
    """Twos and ones as well."""
    assert "123456" == find_code(code, waiting=True).code
    assert "123456" == find_code(f"my otp reads {code}", waiting=True).code


NO_CODES = [
    "DE89 3704 0044 0532 0130 00",
    "3.8.2026",
    "03.08.2026",
    "2026-08-03",
    "12.34.56",
    "\u20ac123,456",
    "\u20ac 123456",
    "123,456 EUR",
    "123456.50",
    "1.123,456",
    "L-000242",
    "L000242",
    "+49 30 123456",
    "030 123 456 78",
    "0170 123456",
    "(030) 123456",
    "030/123456",
    "+4930123456",
]


@pytest.mark.parametrize("text", NO_CODES)
def test_other_numbers_are_no_codes(text: str) -> None:
    """Accounts, dates, amounts, references and phone numbers stay, waiting or not."""
    for waiting in (True, False):
        assert (None, False) == (
            find_code(text, waiting=waiting).code,
            find_code(text, waiting=waiting).many,
        )


@pytest.mark.parametrize("number", NO_CODES)
def test_other_numbers_are_not_masked(number: str) -> None:
    """Even next to a word such as code."""
    text = f"my code does not work, and please note {number}"
    assert text == masked(text)


@pytest.mark.parametrize(
    "word", ["code", "PIN", "otp", "token", "passcode", "authenticator", "2fa", "MFA"]
)
@pytest.mark.parametrize(
    "code", ["493581", "493 581", "493.581", "49-35-81", "\u0664\u0669\u0663\u0665\u0668\u0661"]
)
def test_codes_are_masked_next_to_a_word_for_them(word: str, code: str) -> None:
    """The digits go, the words stay."""
    text = "show my salary please, my {} is {}"
    assert text.format(word, "\u2022" * 6) == masked(text.format(word, code))


@pytest.mark.parametrize(
    "text",
    ["invoice 493581 was not refunded", "sort code 12-34-56", "my postal code is 493581"],
)
def test_numbers_without_a_word_for_codes_are_not_masked(text: str) -> None:
    """Invoices, bank and postal codes reach the assistant as they are."""
    assert text == masked(text)


@given(st.text(alphabet="0123456789 .-,_/code\u0664\u20ac", max_size=40))
def test_masking_again_changes_nothing(text: str) -> None:
    """What was masked holds nothing that would be masked."""
    once = masked(text)
    assert once == masked(once)


def test_refusals_and_consents_are_whole_messages() -> None:
    """Case and punctuation do not count, other words do."""
    for text in ("cancel", "No!", "STOP.", "never mind", "nope", "Cancel it\u2026", "don\u2019t"):
        assert is_refusal(text) and not is_consent(text), text
    for text in ("yes", "OK.", "Confirm!"):
        assert is_consent(text) and not is_refusal(text), text
    for text in ("cancel my leave", "no, show my payslip", "yes but not now", "", "!"):
        assert not is_refusal(text) and not is_consent(text), text
