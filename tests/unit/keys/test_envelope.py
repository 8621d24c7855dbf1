"""The record envelope: what opens, what must not."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.errors import IntegrityError
from gatehouse.keys import EnvelopeError, associated_data, seal, unseal
from gatehouse.keys.envelope import OVERHEAD, _derive, is_current, suite_named, write_with

KEY = bytes(range(32))
PLACE = associated_data(kind="turn", sequence=7)
GCM = suite_named("aes256gcm")
SUITES = ["aes256gcm", "chacha20poly1305"]


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each suite in turn; the usual one afterwards."""
    write_with(request.param)
    yield request.param
    write_with("aes256gcm")


@given(st.binary(max_size=300))
def test_opens_what_was_sealed(plaintext: bytes) -> None:
    """Any plaintext comes back, and the envelope is longer by a fixed number of bytes."""
    envelope = seal(KEY, plaintext, PLACE)
    assert plaintext == unseal(KEY, envelope, PLACE)
    assert len(plaintext) + OVERHEAD == len(envelope)


def test_overhead_is_as_documented() -> None:
    """Version, suite, salt, commitment and tag are 82 bytes."""
    assert OVERHEAD == 1 + 1 + 32 + 32 + 16


@pytest.mark.usefixtures("suite")
def test_every_flipped_bit_is_noticed() -> None:
    """Not one altered bit of an envelope goes through."""
    envelope = seal(KEY, b"marked plaintext", PLACE)
    for position in range(len(envelope)):
        for bit in range(8):
            altered = bytearray(envelope)
            altered[position] ^= 1 << bit
            with pytest.raises(EnvelopeError):
                unseal(KEY, bytes(altered), PLACE)


@pytest.mark.usefixtures("suite")
def test_every_truncation_and_an_addition_is_noticed() -> None:
    """An envelope cut anywhere, or with a byte added, does not open."""
    envelope = seal(KEY, b"marked plaintext", PLACE)
    for length in range(len(envelope)):
        with pytest.raises(EnvelopeError):
            unseal(KEY, envelope[:length], PLACE)
    with pytest.raises(EnvelopeError):
        unseal(KEY, envelope + b"\0", PLACE)


@pytest.mark.usefixtures("suite")
def test_another_key_or_place_does_not_open() -> None:
    """Key and associated data must both be the ones it was sealed with."""
    envelope = seal(KEY, b"x", PLACE)
    with pytest.raises(EnvelopeError):
        unseal(bytes(32), envelope, PLACE)
    with pytest.raises(EnvelopeError):
        unseal(KEY, envelope, associated_data(kind="turn", sequence=8))


@pytest.mark.parametrize("written", SUITES)
def test_every_suite_opens_whatever_is_written_now(suite: str, written: str) -> None:
    """What was sealed before a change of suite still opens, and says which suite it is of."""
    envelope = seal(KEY, b"x", PLACE)
    assert suite_named(suite).header == envelope[:2]
    write_with(written)
    assert b"x" == unseal(KEY, envelope, PLACE)
    assert (suite == written) == is_current(envelope)


def test_an_envelope_does_not_pass_for_another_suite(suite: str) -> None:
    """The suite is bound: renaming it in the header is noticed by the commitment."""
    envelope = seal(KEY, b"x", PLACE)
    other = suite_named(SUITES[1 - SUITES.index(suite)])
    with pytest.raises(EnvelopeError, match="under its key"):
        unseal(KEY, other.header + envelope[2:], PLACE)


def test_an_unknown_suite_is_refused() -> None:
    """Neither by name nor by number is anything guessed."""
    with pytest.raises(ValueError, match="no suite"):
        write_with("rot13")
    with pytest.raises(EnvelopeError, match="unknown version or suite"):
        unseal(KEY, b"\1\3" + seal(KEY, b"x", PLACE)[2:], PLACE)


def test_errors_are_integrity_errors_without_content() -> None:
    """A refusal has the exit code for integrity and names neither key nor content."""
    with pytest.raises(IntegrityError) as caught:
        unseal(bytes(32), seal(KEY, b"marked plaintext", PLACE), PLACE)
    assert caught.value.exit_code == 5
    assert "marked" not in caught.value.diagnostics()


def test_the_same_plaintext_never_seals_alike() -> None:
    """Salts are random, so that equal records cannot be recognised."""
    assert len({seal(KEY, b"same", PLACE) for _ in range(50)}) == 50


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(31), bytes(33)])
def test_other_key_sizes_are_mistakes(key: bytes) -> None:
    """A key of any other size is refused before anything is sealed or opened."""
    with pytest.raises(ValueError, match="32 bytes"):
        seal(key, b"x", PLACE)
    with pytest.raises(ValueError, match="32 bytes"):
        unseal(key, bytes(200), PLACE)


def test_associated_data_is_mandatory() -> None:
    """Nothing is sealed or opened without saying where it belongs."""
    with pytest.raises(ValueError, match="mandatory"):
        seal(KEY, b"x", b"")
    with pytest.raises(ValueError, match="mandatory"):
        unseal(KEY, bytes(200), b"")


_fields = st.dictionaries(
    st.text(max_size=4), st.one_of(st.text(max_size=4), st.integers(-20, 20)), max_size=4
)


@given(_fields, _fields)
def test_associated_data_is_injective(one: dict[str, str | int], two: dict[str, str | int]) -> None:
    """Two field sets share an encoding only when they are the same field set."""
    assert (one == two) == (associated_data(**one) == associated_data(**two))


def test_associated_data_knows_no_order_but_types() -> None:
    """Order does not matter; the number 1 and the text "1" differ."""
    assert associated_data(a=1, b="2") == associated_data(b="2", a=1)
    assert associated_data(a=1) != associated_data(a="1")
    with pytest.raises(TypeError):
        associated_data(a=True)


def test_one_ciphertext_cannot_open_under_two_keys() -> None:
    """The attack that opens one plain GCM ciphertext under two keys works, and fails here."""
    other, salt, nonce = os.urandom(32), os.urandom(32), bytes(12)
    (first, commitment), (second, _) = _derive(GCM, KEY, salt), _derive(GCM, other, salt)
    ciphertext = _opens_under_both(first, second, nonce, PLACE)
    for record_key in (first, second):  # the attack is real: GCM accepts both
        assert len(AESGCM(record_key).decrypt(nonce, ciphertext, PLACE)) == 32
    envelope = b"\1\1" + salt + commitment + ciphertext
    assert len(unseal(KEY, envelope, PLACE)) == 32
    with pytest.raises(EnvelopeError):
        unseal(other, envelope, PLACE)


# Dodis, Grubbs, Ristenpart, Woodage: Fast Message Franking (CRYPTO 2018), section 3: with two
# keys known, one free ciphertext block makes both tags equal. GF(2^128) as in SP 800-38D, 6.3.


def _opens_under_both(first: bytes, second: bytes, nonce: bytes, aad: bytes) -> bytes:
    aad += bytes(-len(aad) % 16)
    fixed, length = os.urandom(16), (len(PLACE) * 8).to_bytes(8) + (32 * 8).to_bytes(8)
    sums, weights = [], []
    for key in (first, second):
        h = int.from_bytes(_block(key, bytes(16)))
        known = [aad[i : i + 16] for i in range(0, len(aad), 16)] + [fixed, bytes(16), length]
        mask = int.from_bytes(_block(key, nonce + b"\0\0\0\1"))
        sums.append(_ghash(h, known) ^ mask)
        weights.append(_multiply(h, h))
    free = _multiply(sums[0] ^ sums[1], _inverse(weights[0] ^ weights[1]))
    tag = sums[0] ^ _multiply(free, weights[0])
    return fixed + free.to_bytes(16) + tag.to_bytes(16)


def _block(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def _ghash(h: int, blocks: list[bytes]) -> int:
    total = 0
    for block in blocks:
        total = _multiply(total ^ int.from_bytes(block), h)
    return total


def _multiply(x: int, y: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def _inverse(x: int) -> int:
    result, power = 1 << 127, x
    for _ in range(127):  # x^(2^128 - 2)
        power = _multiply(power, power)
        result = _multiply(result, power)
    return result
