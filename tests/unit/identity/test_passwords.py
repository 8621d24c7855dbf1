"""Hashing of passwords."""

from __future__ import annotations

import re

import pytest

from gatehouse.identity.passwords import (
    ARGON2ID_2026,
    CHEAPEST,
    MAX_LENGTH,
    HashProfile,
    PasswordHasher,
)

HASHER = PasswordHasher(CHEAPEST)


def test_the_right_password_verifies_and_others_do_not() -> None:
    """A hash opens to its password only, including what a cut-off comparison would let through."""
    stored = HASHER.hash("teapot under the quiet bridge")
    tries = ["teapot under the quiet bridge", "teapot under the quiet bridg", "", "x" * 5000]
    assert [True, False, False, False] == [HASHER.verify(stored, text) for text in tries]


@pytest.mark.parametrize("given", [None, 7, b"bytes", ["list"], "\ud800", {"a": 1}])
def test_what_is_no_text_is_a_wrong_password(given: object) -> None:
    """Whatever a request body holds in place of a password is wrong, not an error."""
    assert not HASHER.verify(HASHER.hash("\ufffd and some more text"), given)


def test_nobody_has_no_password() -> None:
    """Without a stored hash every password is wrong, the empty one too."""
    assert [False, False] == [HASHER.verify(None, text) for text in ("", "anything at all")]


def test_a_damaged_hash_lets_nobody_in() -> None:
    """A row whose hash was cut off or emptied is a wrong password."""
    stored = HASHER.hash("teapot under the quiet bridge")
    damaged = ["", "$argon2id$", stored[:-4], stored.replace("argon2id", "argon2x")]
    assert [False] * 4 == [HASHER.verify(text, "teapot under the quiet bridge") for text in damaged]


def test_the_same_characters_typed_apart_are_the_same_password() -> None:
    """Composed and decomposed accents give the same hash input (NFC)."""
    assert HASHER.verify(
        HASHER.hash("caf\u00e9 at the old harbour"), "cafe\u0301 at the old harbour"
    )


def test_nothing_is_truncated() -> None:
    """Two passwords of the greatest length that differ at the end are two passwords."""
    one, other = "a" * (MAX_LENGTH - 1) + "b", "a" * MAX_LENGTH
    assert [True, False] == [HASHER.verify(HASHER.hash(one), text) for text in (one, other)]


def test_hashes_name_argon2id_and_the_parameters_of_the_profile() -> None:
    """The production profile is RFC 9106's second recommended option."""
    stored = PasswordHasher(ARGON2ID_2026).hash("teapot under the quiet bridge")
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", stored)


def test_a_hash_of_another_profile_is_outdated() -> None:
    """A stronger profile recognises what was made before it, and not its own."""
    stronger = PasswordHasher(HashProfile("test", time_cost=2, memory_cost=16, parallelism=1))
    hashes = [HASHER.hash("some long password"), stronger.hash("some long password")]
    assert [True, False] == [stronger.is_outdated(stored) for stored in hashes]
