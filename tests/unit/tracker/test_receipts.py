"""Receipts verify with the public key alone, and show any change."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import InvalidInput
from gatehouse.tracker.receipts import ReceiptForged, Receipts, read_receipt, verify

RECEIPTS = Receipts(b"r" * 32)
RECEIPT = RECEIPTS.sign({"receipt": "ab" * 16, "erased": {"conversations": 2}, "ö": ["ü"]})


def test_good_as_a_file_in_any_layout() -> None:
    """Indented, sorted or not, in ASCII or not: the same receipt."""
    for layout in ({}, {"indent": 4}, {"sort_keys": True}, {"ensure_ascii": False}):
        data = json.dumps(RECEIPT, **layout).encode()  # type: ignore[arg-type]
        verify(read_receipt(data), RECEIPTS.public_key)


@pytest.mark.parametrize(
    "change",
    [
        {"erased": {"conversations": 3}},
        {"erased": {"conversations": 2.5}},
        {"receipt": "ba" * 16},
        {"more": 1},
        {"version": 2},
        {"signed_with": "00" * 16},
        {"signature": ""},
        {"signature": None},
        {"signature": "!"},
        {"signature": base64.b64encode(bytes(64)).decode()},
    ],
)
def test_any_change_shows(change: dict[str, Any]) -> None:
    """A changed, added or exchanged value does not verify."""
    with pytest.raises(ReceiptForged):
        verify({**RECEIPT, **change}, RECEIPTS.public_key)


@settings(max_examples=40, deadline=None)
@given(bit=st.integers(0, 64 * 8 - 1))
def test_every_bit_of_the_signature_counts(bit: int) -> None:
    """One flipped bit and it is refused."""
    raw = bytearray(base64.b64decode(RECEIPT["signature"]))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ReceiptForged):
        verify({**RECEIPT, "signature": base64.b64encode(raw).decode()}, RECEIPTS.public_key)


def test_another_key_does_not_verify() -> None:
    """Whoever signs with a key of their own cannot pass it off as ours."""
    with pytest.raises(ReceiptForged):
        verify(RECEIPT, Receipts(b"s" * 32).public_key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"kind": "gatehouse export"}',
        b'{"kind": "gatehouse erasure receipt", "version": 9}',
        b'{"kind": "x", "kind": "gatehouse erasure receipt", "version": 1}',
        b"[" * 60_000,
        b" " * 70_000,
    ],
)
def test_other_files_are_refused_in_words(data: bytes) -> None:
    """Whatever else somebody gives is invalid input, never a crash."""
    with pytest.raises(InvalidInput):
        read_receipt(data)


@pytest.mark.parametrize(
    "pem", ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_a_broken_key_is_refused_in_words(pem: str) -> None:
    """A file that is no key says so."""
    with pytest.raises(InvalidInput):
        verify(RECEIPT, pem)
