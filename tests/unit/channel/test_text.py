"""No text that a person can write is a command to Rasa, and codes are recognised."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.nlu.training_data.message import Message

from gatehouse.channel.text import TextTooLong, find_code, normalise

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
