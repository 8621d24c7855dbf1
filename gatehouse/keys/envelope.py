"""The envelope around every record at rest.

One record, one key: HKDF-SHA-512 (RFC 5869) turns the given key and a random salt into a record
key and a commitment, AES-256-GCM (NIST SP 800-38D) seals. The commitment is compared in constant
time before anything is decrypted, because plain GCM is not committing: one ciphertext can be made
to open under two keys. Associated data is mandatory, so that a record cannot move to another
place. This module must never invent a primitive, reuse a salt or return bytes it has not verified.

Layout: `version (1) | suite (1) | salt (32) | commitment (32) | ciphertext | tag (16)`.
"""

from __future__ import annotations

import hmac
import os
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatehouse.keys.errors import EnvelopeError

KEY_SIZE: Final = 32
VERSION: Final = 1
SUITE_HKDF_SHA512_AES256GCM: Final = 1

_HEADER: Final = bytes([VERSION, SUITE_HKDF_SHA512_AES256GCM])
_SALT: Final = 32
_COMMITMENT: Final = 32
_TAG: Final = 16
_BODY: Final = len(_HEADER) + _SALT + _COMMITMENT
OVERHEAD: Final = _BODY + _TAG
_INFO: Final = b"gatehouse envelope" + _HEADER
# The record key is used for exactly one message, so a fixed nonce never repeats under a key.
_NONCE: Final = bytes(12)


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """`plaintext` sealed under `key` (32 bytes) and bound to `associated`; `OVERHEAD` bytes longer.

    Raises `ValueError` for a key of another size or empty associated data: both are mistakes in
    the program, never in what was stored.
    """
    _check(key, associated)
    salt = os.urandom(_SALT)
    record_key, commitment = _derive(key, salt)
    return _HEADER + salt + commitment + AESGCM(record_key).encrypt(_NONCE, plaintext, associated)


def unseal(key: bytes, envelope: bytes, associated: bytes) -> bytes:
    """The plaintext of `envelope`.

    Raises `EnvelopeError` when the envelope is not exactly what `seal` made with this key and
    this associated data, without saying which of the two differs.
    """
    _check(key, associated)
    if len(envelope) < OVERHEAD:
        raise EnvelopeError("a sealed record is too short")
    if envelope[: len(_HEADER)] != _HEADER:
        raise EnvelopeError(
            "a sealed record has an unknown version or suite",
            "it was damaged, or written by a later version of Gatehouse",
        )
    salt = envelope[len(_HEADER) : len(_HEADER) + _SALT]
    record_key, commitment = _derive(key, salt)
    if not hmac.compare_digest(commitment, envelope[_BODY - _COMMITMENT : _BODY]):
        raise EnvelopeError("a sealed record does not open under its key")
    try:
        return AESGCM(record_key).decrypt(_NONCE, envelope[_BODY:], associated)
    except InvalidTag:
        raise EnvelopeError("a sealed record does not open under its key") from None


def associated_data(**fields: str | int) -> bytes:
    """`fields` as bytes, the same for the same fields in any order and different for any others.

    Each name and value is written with its length, and a value with its type, so that no two
    field sets share an encoding.
    """
    parts = [struct.pack(">I", len(fields))]
    for name in sorted(fields):
        value = fields[name]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise TypeError(f"associated data {name}: text or a whole number is needed")
        kind = b"s" if isinstance(value, str) else b"i"
        parts += [_sized(name.encode()), kind, _sized(str(value).encode())]
    return b"".join(parts)


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _derive(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    material = HKDF(SHA512(), KEY_SIZE + _COMMITMENT, salt, _INFO).derive(key)
    return material[:KEY_SIZE], material[KEY_SIZE:]


def _check(key: bytes, associated: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key has {KEY_SIZE} bytes")
    if not associated:
        raise ValueError("associated data is mandatory")
