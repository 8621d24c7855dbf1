"""Checkpoints: signed statements of how many entries there are and of their root.

The form is C2SP tlog-checkpoint: origin, size and root hash as a signed note. The log signs with
Ed25519, and if wished with ML-DSA-44 as well; witnesses add cosignatures (C2SP tlog-cosignature).
A log must never sign two checkpoints that do not follow from one another; `gatehouse.audit.signing`
takes care of that, this module only writes and reads them.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from gatehouse.audit import note as notes
from gatehouse.audit.errors import CheckpointInvalid
from gatehouse.audit.tree import HASH_SIZE

COSIGNATURE_ED25519 = 0x04
COSIGNATURE_ML_DSA_44 = 0x06
_TIME = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` had `size` entries with the tree root `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint of a note's text; raises `CheckpointInvalid`.

        Extension lines are refused: this log writes none, and nobody could audit them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise CheckpointInvalid("this is not a checkpoint")
        if not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1], re.ASCII):
            raise CheckpointInvalid("a checkpoint's size cannot be read")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise CheckpointInvalid("a checkpoint's root cannot be read") from error
        if len(root) != HASH_SIZE:
            raise CheckpointInvalid("a checkpoint's root does not have 32 bytes")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint with its note and the names of the witnesses that vouch for it."""

    checkpoint: Checkpoint
    note: str
    witnesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trust:
    """Whom a checkpoint is believed: the log's own keys and those of its witnesses."""

    origin: str
    log: Sequence[notes.Verifier]
    witnesses: Sequence[notes.Verifier] = ()

    def is_former(self, note: str) -> bool:
        """Whether a note is a checkpoint that this log signed under another name.

        The operator gave it a new one after a loss; what the old ones say may be lost with it.
        """
        name = note.partition("\n")[0]
        if name == self.origin:
            return False
        keys = [
            notes.Ed25519Verifier(name, k.public)
            for k in self.log
            if isinstance(k, notes.Ed25519Verifier)
        ]
        try:
            return bool(notes.check(note, keys)[1])
        except (CheckpointInvalid, ValueError):
            return False

    def read(self, note: str) -> Signed:
        """A checkpoint of this log; raises `CheckpointInvalid` unless one of its keys signed it."""
        text, good = notes.check(note, [*self.log, *self.witnesses])
        checkpoint = Checkpoint.parse(text)
        if checkpoint.origin != self.origin:
            raise CheckpointInvalid(f"a checkpoint of another log: {checkpoint.origin}")
        if not any(key in good for key in self.log):
            raise CheckpointInvalid("a checkpoint is not signed with the key of this log")
        return Signed(checkpoint, note, tuple(k.name for k in good if k in self.witnesses))


@dataclass(frozen=True)
class Cosigner:
    """Adds timestamped Ed25519 cosignatures, as witnesses do (C2SP tlog-cosignature, 0x04)."""

    name: str
    private: Ed25519PrivateKey
    now: Callable[[], float]

    def sign(self, text: str) -> str:
        time = int(self.now())
        signature = self.private.sign(_cosigned(text, time))
        identifier = self.verifier().key_id
        return notes.signature_line(self.name, identifier, _TIME.pack(time) + signature)

    def verifier(self) -> CosignatureVerifier:
        """The public side."""
        return CosignatureVerifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class CosignatureVerifier:
    """The public key (32 bytes) of a witness."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return notes.key_id(self.name, COSIGNATURE_ED25519, self.public)

    @property
    def vkey(self) -> str:
        return notes.encode_vkey(self.name, COSIGNATURE_ED25519, self.public)

    def verify(self, text: str, signature: bytes) -> None:
        if len(signature) != _TIME.size + 64:
            raise ValueError("not a timestamped signature")
        (time,) = _TIME.unpack(signature[: _TIME.size])
        key = Ed25519PublicKey.from_public_bytes(self.public)
        key.verify(signature[_TIME.size :], _cosigned(text, time))


@dataclass(frozen=True)
class PostQuantumSigner:
    """Signs checkpoints with ML-DSA-44 (FIPS 204; C2SP tlog-cosignature, 0x06)."""

    name: str
    private: MLDSA44PrivateKey
    now: Callable[[], float]

    def sign(self, text: str) -> str:
        time = int(self.now())
        signature = self.private.sign(_subtree(self.name, text, time))
        identifier = self.verifier().key_id
        return notes.signature_line(self.name, identifier, _TIME.pack(time) + signature)

    def verifier(self) -> PostQuantumVerifier:
        """The public side."""
        return PostQuantumVerifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class PostQuantumVerifier:
    """The public key (1312 bytes) of a `PostQuantumSigner`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return notes.key_id(self.name, COSIGNATURE_ML_DSA_44, self.public)

    @property
    def vkey(self) -> str:
        return notes.encode_vkey(self.name, COSIGNATURE_ML_DSA_44, self.public)

    def verify(self, text: str, signature: bytes) -> None:
        if len(signature) != _TIME.size + 2420:
            raise ValueError("not a timestamped signature")
        (time,) = _TIME.unpack(signature[: _TIME.size])
        key = MLDSA44PublicKey.from_public_bytes(self.public)
        key.verify(signature[_TIME.size :], _subtree(self.name, text, time))


def verifier_of(vkey: str) -> notes.Verifier:
    """The verifier of a key in text form; raises `ValueError`."""
    name, kind, public = notes.decode_vkey(vkey)
    sizes = {notes.ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}
    if len(public) != sizes.get(kind):
        raise ValueError("a key of this kind is not known here")
    if kind == notes.ED25519:
        return notes.Ed25519Verifier(name, public)
    if kind == COSIGNATURE_ED25519:
        return CosignatureVerifier(name, public)
    return PostQuantumVerifier(name, public)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _subtree(name: str, text: str, time: int) -> bytes:
    checkpoint = Checkpoint.parse(text)
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]),
            cosigner,
            _TIME.pack(time),
            bytes([len(origin)]),
            origin,
            _TIME.pack(0),
            _TIME.pack(checkpoint.size),
            checkpoint.root,
        )
    )
