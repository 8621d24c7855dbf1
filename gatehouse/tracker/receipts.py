"""Receipts: what a person gets in the hand when their data was erased, provable without us.

A receipt says what was erased, when, and from when on no copy can come back, and names the entry of
the audit log that records it. It holds no name and no id that leads to a person. Its signature
(Ed25519, RFC 8032) verifies with the public key alone, on any machine.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from gatehouse.errors import IntegrityError, InvalidInput

Receipt = dict[str, Any]

KIND: Final = "gatehouse erasure receipt"
VERSION: Final = 1
_CONTEXT: Final = b"gatehouse erasure receipt 1\n"
LARGEST: Final = 65_536  # bytes of a receipt file


class ReceiptForged(IntegrityError):
    """A receipt was not signed with this key, or was changed since."""


class Receipts:
    """Signs receipts with the Ed25519 key of the 32 bytes `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(key)

    @property
    def public_key(self) -> str:
        """The key that verifies, as PEM text; it may be published."""
        key = self._key.public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def sign(self, facts: Mapping[str, Any]) -> Receipt:
        """The receipt with `facts` (JSON values) and its signature."""
        receipt = {"kind": KIND, "version": VERSION, **facts}
        receipt["signed_with"] = fingerprint(self.public_key)
        signature = self._key.sign(_signed(receipt))
        return {**receipt, "signature": base64.b64encode(signature).decode("ascii")}


def fingerprint(public_key: str) -> str:
    """A short name of a public key (PEM): the first 128 bits of the SHA-256 of its raw bytes."""
    raw = _loaded(public_key).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:32]


def read_receipt(data: bytes) -> Receipt:
    """The receipt in a file. Raises `InvalidInput`."""
    hint = "a receipt is the JSON file that was handed out, unchanged"
    if len(data) > LARGEST:
        raise InvalidInput("this is too large to be a receipt", hint)
    try:
        receipt = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidInput("this is no receipt: it is not JSON", hint) from None
    if not isinstance(receipt, dict) or receipt.get("kind") != KIND:
        raise InvalidInput("this is no receipt of an erasure", hint)
    if receipt.get("version") != VERSION:
        raise InvalidInput("this receipt has a version that is not known here")
    return receipt


def verify(receipt: Receipt, public_key: str) -> None:
    """Raises `ReceiptForged` unless `receipt` is exactly what the owner of `public_key` signed."""
    try:
        signature = base64.b64decode(str(receipt.get("signature")), validate=True)
        unsigned = {name: value for name, value in receipt.items() if name != "signature"}
        _loaded(public_key).verify(signature, _signed(unsigned))
    except (InvalidSignature, binascii.Error, ValueError, RecursionError):
        raise ReceiptForged(
            "this receipt was changed, or signed with another key",
            f"the key at hand is {fingerprint(public_key)}",
        ) from None


def _loaded(public_key: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(public_key.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput("this is no public key in PEM form") from None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput("receipts are verified with an Ed25519 key")
    return key


def _signed(receipt: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: canonical JSON (sorted, ASCII, no spaces) behind a context."""
    body = json.dumps(receipt, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _CONTEXT + body.encode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
