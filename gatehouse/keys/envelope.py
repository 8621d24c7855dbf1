"""The envelope around every record at rest.

One record, one key: HKDF-SHA-512 (RFC 5869) turns the given key and a random salt into a record
key and a commitment, an AEAD cipher seals. The commitment is compared in constant time before
anything is decrypted, because the usual ciphers are not committing: one ciphertext can be made to
open under two keys. Associated data is mandatory, so that a record cannot move to another place.
This module must never invent a primitive, reuse a salt or return bytes it has not verified.

Layout: `version (1) | suite (1) | salt (32) | commitment (32) | ciphertext | tag (16)`. Version
and suite are part of what keys are derived from, so that no envelope passes for one of another
suite. Suites: 1 AES-256-GCM (NIST SP 800-38D), 2 ChaCha20-Poly1305 (RFC 8439), there should the
first have to be given up.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatehouse.keys.errors import EnvelopeError

KEY_SIZE: Final = 32
VERSION: Final = 1

_SALT: Final = 32
_COMMITMENT: Final = 32
_TAG: Final = 16
_HEADER: Final = 2
_BODY: Final = _HEADER + _SALT + _COMMITMENT
OVERHEAD: Final = _BODY + _TAG
# The record key is used for exactly one message, so a fixed nonce never repeats under a key.
_NONCE: Final = bytes(12)


@dataclass(frozen=True, slots=True)
class Suite:
    """One way to seal: its number in the envelope, its name in the settings, its cipher."""

    number: int
    name: str
    cipher: type[AESGCM | ChaCha20Poly1305]

    @property
    def header(self) -> bytes:
        """The first bytes of its envelopes."""
        return bytes([VERSION, self.number])


_SUITES: Final = {
    suite.number: suite
    for suite in (Suite(1, "aes256gcm", AESGCM), Suite(2, "chacha20poly1305", ChaCha20Poly1305))
}
_writes: Suite = _SUITES[1]


def write_with(name: str) -> Suite:
    """Let this process seal with the suite `name` from now on; every suite still opens.

    Called once, where the ring is opened. Raises `ValueError` for an unknown name.
    """
    global _writes
    _writes = suite_named(name)
    return _writes


def suite_named(name: str) -> Suite:
    """The suite called `name`. Raises `ValueError`."""
    for suite in _SUITES.values():
        if suite.name == name:
            return suite
    raise ValueError(f"there is no suite {name!r}")


def suite_numbered(number: int) -> Suite | None:
    """The suite that envelopes call `number`; None when there is none."""
    return _SUITES.get(number)


def written_suite() -> Suite:
    """The suite that `seal` uses in this process."""
    return _writes


def is_current(envelope: bytes) -> bool:
    """Whether `envelope` claims the suite that `seal` uses now; says nothing of its truth."""
    return envelope[:_HEADER] == _writes.header


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """`plaintext` sealed under `key` (32 bytes) and bound to `associated`; `OVERHEAD` bytes longer.

    Raises `ValueError` for a key of another size or empty associated data: both are mistakes in
    the program, never in what was stored.
    """
    _check(key, associated)
    suite, salt = _writes, os.urandom(_SALT)
    record_key, commitment = _derive(suite, key, salt)
    ciphertext = suite.cipher(record_key).encrypt(_NONCE, plaintext, associated)
    return suite.header + salt + commitment + ciphertext


def unseal(key: bytes, envelope: bytes, associated: bytes) -> bytes:
    """The plaintext of `envelope`, of whatever suite.

    Raises `EnvelopeError` when the envelope is not exactly what `seal` made with this key and
    this associated data, without saying which of the two differs.
    """
    _check(key, associated)
    if len(envelope) < OVERHEAD:
        raise EnvelopeError("a sealed record is too short")
    suite = _SUITES.get(envelope[1]) if envelope[0] == VERSION else None
    if suite is None:
        raise EnvelopeError(
            "a sealed record has an unknown version or suite",
            "it was damaged, or written by a later version of Gatehouse",
        )
    record_key, commitment = _derive(suite, key, envelope[_HEADER : _HEADER + _SALT])
    if not hmac.compare_digest(commitment, envelope[_BODY - _COMMITMENT : _BODY]):
        raise EnvelopeError("a sealed record does not open under its key")
    try:
        return suite.cipher(record_key).decrypt(_NONCE, envelope[_BODY:], associated)
    except InvalidTag:
        raise EnvelopeError("a sealed record does not open under its key") from None


def associated_data(**fields: str | int) -> bytes:
    """`fields` as bytes, the same for the same fields in any order and different for any others.

    Each name and value is written with its length, and a value with its type, so that no two
    field sets share an encoding.
    """
    parts = [len(fields).to_bytes(4, "big")]
    for name in sorted(fields):
        value = fields[name]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise TypeError(f"associated data {name}: text or a whole number is needed")
        parts.append(_sized(name))
        parts.append(b"s" if isinstance(value, str) else b"i")
        parts.append(_sized(str(value)))
    return b"".join(parts)


def _sized(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


def _derive(suite: Suite, key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    info = b"gatehouse envelope" + suite.header
    material = HKDF(SHA512(), KEY_SIZE + _COMMITMENT, salt, info).derive(key)
    return material[:KEY_SIZE], material[KEY_SIZE:]


def _check(key: bytes, associated: bytes) -> None:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key has {KEY_SIZE} bytes")
    if not associated:
        raise ValueError("associated data is mandatory")
