"""Signed notes: text with detached signatures by name and key (C2SP signed-note).

A note is trusted only through keys that were given beforehand; signatures of unknown keys are
ignored, a bad signature of a known key refuses the whole note. Nothing here knows what a note says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gatehouse.audit.errors import CheckpointInvalid

ED25519 = 0x01
_LARGEST = 1 << 17  # characters; sixteen post-quantum signatures fit
_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)")


class Signer(Protocol):
    """Adds one signature line to a text."""

    def sign(self, text: str) -> str: ...


class Verifier(Protocol):
    """A public key under a name; `verify` raises `InvalidSignature`."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    def verify(self, text: str, signature: bytes) -> None: ...


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes that tell keys of one name apart."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def signature_line(name: str, identifier: bytes, signature: bytes) -> str:
    """A signature as a line of a note, newline included."""
    return f"— {name} {base64.b64encode(identifier + signature).decode()}\n"


def require_name(name: str) -> str:
    """`name` if it may name a key; raises `ValueError`."""
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise ValueError(f"{name!r} cannot name a key: no spaces and no plus sign")
    return name


@dataclass(frozen=True)
class Ed25519Signer:
    """Signs notes with Ed25519 (RFC 8032) under `name`."""

    name: str
    private: Ed25519PrivateKey

    def sign(self, text: str) -> str:
        key = self.verifier()
        return signature_line(self.name, key.key_id, self.private.sign(text.encode()))

    def verifier(self) -> Ed25519Verifier:
        """The public side."""
        return Ed25519Verifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class Ed25519Verifier:
    """The public key (32 bytes) of an `Ed25519Signer`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, ED25519, self.public)

    @property
    def vkey(self) -> str:
        """The key as one line of text, to hand to an auditor: name+id+key."""
        return encode_vkey(self.name, ED25519, self.public)

    def verify(self, text: str, signature: bytes) -> None:
        Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())


def encode_vkey(name: str, kind: int, public: bytes) -> str:
    """A verifier key in the form of the specification."""
    encoded = base64.b64encode(bytes([kind]) + public).decode()
    return f"{name}+{key_id(name, kind, public).hex()}+{encoded}"


def decode_vkey(text: str) -> tuple[str, int, bytes]:
    """Name, signature type and public key of a verifier key; raises `ValueError`."""
    name, identifier, encoded = [*text.strip().split("+", 2), "", ""][:3]
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) < 2 or identifier != key_id(require_name(name), data[0], data[1:]).hex():
        raise ValueError("this is not a verifier key of the form name+id+key")
    return name, data[0], data[1:]


def sign(text: str, signers: Sequence[Signer]) -> str:
    """`text` (ending in a newline) as a note signed by each of `signers`."""
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and signatures (name, key id, signature) of a note; raises `CheckpointInvalid`."""
    text, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if len(note) > _LARGEST or not separator or lines[-1] or len(lines) < 2:
        raise CheckpointInvalid("this is not a signed note")
    if re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise CheckpointInvalid("a signed note must not hold control characters")
    found = []
    for line in lines[:-1]:
        match = _LINE.fullmatch(line)
        try:
            data = base64.b64decode(match[2], validate=True) if match else b""
        except binascii.Error:
            data = b""
        if match is None or len(data) < 5:
            raise CheckpointInvalid("a signature line cannot be read")
        found.append((match[1], data[:4], data[4:]))
    return text + "\n", found


def check(note: str, trusted: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """The text of a note and which of the `trusted` keys signed it.

    Raises `CheckpointInvalid` when it cannot be read or a trusted key's signature is wrong.
    """
    text, signatures = split(note)
    known = {(key.name, key.key_id): key for key in trusted}
    good: list[Verifier] = []
    for name, identifier, signature in signatures:
        key = known.get((name, identifier))
        if key is None:
            continue
        try:
            key.verify(text, signature)
        except (InvalidSignature, ValueError) as error:
            raise CheckpointInvalid(f"the signature of {name} is wrong") from error
        good.append(key)
    return text, good
