"""Which passwords may be chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.identity.password_rules import (
    MIN_LENGTH,
    PasswordRefused,
    check_new_password,
    common_passwords,
)
from gatehouse.identity.passwords import MAX_LENGTH

CONTEXT = ("erin.walsh", "Erin Walsh", "Brightwater Logistics")


def reason_against(password: object) -> str:
    with pytest.raises(PasswordRefused) as refused:
        check_new_password(password, CONTEXT)
    return refused.value.reason


@pytest.mark.parametrize(
    "password",
    [
        "teapot under the quiet bridge",
        "lantern-velvet-orbit-cactus",
        "7193 0462 8851 3370",
        "vQ9$kd0Lmw2!xTz",
        "Über den Dächern von Kreuzberg",
        "пятнадцать синих фонарей",
        "my dragon ate the spring tax form",
        "were the weather drew here",
        "we went there on a sunny friday",
        "stewardesses reverberated",
    ],
)
def test_free_passwords_are_accepted(password: str) -> None:
    """No mixture of character kinds is asked for, and a common word inside does no harm."""
    assert password == check_new_password(password, CONTEXT)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too_short"),
        ("vQ9$kd0Lmw2!xT", "too_short"),
        ("x" * (MAX_LENGTH + 1), "too_long"),
        (None, "not_text"),
        (b"teapot under the quiet bridge", "not_text"),
        ("\ud800" * 20, "not_text"),
        ("aaaaaaaaaaaaaaaa", "repeated"),
        ("abcabcabcabcabcabc", "repeated"),
        ("12341234123412341", "repeated"),
        ("123456789012345", "sequence"),
        ("543210987654321", "sequence"),
        ("qwertyuiopasdfghjkl", "sequence"),
        ("QWERTZUIOPASDFGH", "sequence"),
        ("abcdefghijklmnopq", "sequence"),
        ("123456789123456789", "sequence"),
        ("zaq12wsxcde34rfvbgt5", "sequence"),
        ("1qaz2wsx3edc4rfv5tgb", "sequence"),
        ("!QAZ2wsx#EDC4rfv", "sequence"),
        ("yxcvbnm,asdfghjk", "sequence"),
        ("Jan2026Feb2026Mar2026", "common"),
        ("monday-tuesday-wednesday", "common"),
        ("Summer-Herbst-2026!", "common"),
        ("passwordpassword", "common"),
        ("Password12345678", "common"),
        ("P@ssw0rd!!!!2026", "common"),
        ("correct horse battery staple", "common"),
        ("Correct-Horse-Battery-Staple-1", "common"),
        ("administrator2026", "common"),
        ("welcome to the company", "common"),
        ("iloveyousunshine", "common"),
        ("erinwalsh2026!!!", "common"),
        ("Walsh.Erin.1984!", "common"),
        ("BrightwaterLogistics1", "common"),
        ("gatehouse-gatehouse", "common"),
        ("Erin@Brightwater", "common"),
    ],
)
def test_guessable_passwords_are_refused(password: object, reason: str) -> None:
    """Each kind of guessable password is refused for its own reason."""
    assert reason == reason_against(password)


def test_length_counts_characters_after_composition() -> None:
    """A letter with a combining accent counts once, so typing it apart gains no length."""
    apart = "e\u0301" * 7 + "qzkvwjx"
    assert len(apart) > MIN_LENGTH
    assert "too_short" == reason_against(apart)


@pytest.mark.timeout(60)
def test_the_longest_password_comes_to_an_end() -> None:
    """Text made of many guessable words, in any split, is judged in bounded work."""
    check_new_password(("loveangelking" * 30)[: MAX_LENGTH - 10] + "zqxjkvwyzq", CONTEXT)


def test_the_list_is_compact_and_lower_case() -> None:
    """The shipped list has a few hundred entries in the form in which they are compared."""
    words = common_passwords()
    assert 400 < len(words) < 1000
    assert [] == [word for word in words if word != word.casefold() or not word.isalnum()]


@given(st.text(max_size=300))
def test_any_text_is_accepted_or_refused_with_a_reason(text: str) -> None:
    """No text whatsoever makes the check fail in another way."""
    try:
        assert text == check_new_password(text, CONTEXT)
    except PasswordRefused as refused:
        assert refused.reason
