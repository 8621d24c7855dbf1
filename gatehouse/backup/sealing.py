"""Seals a stream of any length in bounded memory, so that cutting, moving or mixing it shows.

One file, one key: HKDF-SHA-512 (RFC 5869) turns the key of the backup, a random salt and the hash of
the file's head into a file key and a commitment; the commitment is compared before anything is
decrypted, because the usual ciphers are not committing. The content goes in chunks under the
STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): the nonce holds the number of
the chunk and whether it is the last, so that none can be dropped, swapped, repeated or taken for
the end. This module must never release a byte of a chunk that it has not verified, nor end
quietly before the last chunk.

Layout (docs/backups.md, "The format"; vectors in tests/vectors/backup.json)::

    file  = "gatehouse backup\\n" | version 0x01 | suite | n (4) | head (n) | salt (32) | commitment (32) | chunk*
    head  = canonical JSON: backup, part, key
    chunk = cipher(file key, nonce = 0x000000 | number (8) | last (1), no associated data)

All numbers are big-endian, chunks are counted from 0. Every chunk but the last seals exactly
1 048 576 bytes, the last one 0 to 1 048 576, and 0 only in an empty file. Suites are those of
`gatehouse.keys.envelope`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatehouse.backup.errors import BackupDamaged, BackupNewer
from gatehouse.keys.envelope import KEY_SIZE, Suite, suite_numbered, written_suite

MAGIC: Final = b"gatehouse backup\n"
VERSION: Final = 1
CHUNK: Final = 1 << 20
TAG: Final = 16

_SALT: Final = 32
_LARGEST_HEAD: Final = 4096
_MOST_CHUNKS: Final = 1 << 40
_HEAD: Final = struct.Struct(">I")
_NUMBER: Final = struct.Struct(">Q")


class Readable(Protocol):
    """Somewhere bytes come from; fewer than asked for only at the end or before it."""

    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    """Somewhere bytes go."""

    def write(self, data: bytes, /) -> object: ...


class SealedWriter:
    """Seals what is written to it into `file`; only `finish` makes it whole."""

    def __init__(self, file: Writable, key: bytes, head: Mapping[str, str]) -> None:
        """`key` has 32 bytes; `head` is authenticated and stays readable."""
        suite, text, salt = written_suite(), encode_head(head), os.urandom(_SALT)
        file_key, commitment = _derive(suite, key, salt, text)
        file.write(MAGIC + suite.header + _HEAD.pack(len(text)) + text + salt + commitment)
        self._cipher = suite.cipher(file_key)
        self._file = file
        self._held = bytearray()
        self._number = 0
        self._finished = False

    def write(self, data: bytes) -> int:
        """Take `data`; a full chunk is sealed once it is known not to be the last."""
        self._held += data
        while len(self._held) > CHUNK:
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Seal what is left as the last chunk; without this the file never opens to its end."""
        if not self._finished:
            self._seal(bytes(self._held), last=True)
            self._held.clear()
            self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), plain, None))
        self._number += 1


def read_head(file: Readable) -> tuple[Suite, bytes, dict[str, str]]:
    """Suite, head as it is written, and what it says; nothing of it is verified yet.

    Raises `BackupDamaged` when this is no sealed file, `BackupNewer` for a later version.
    """
    start = _exactly(file, len(MAGIC) + 2 + _HEAD.size)
    if not start.startswith(MAGIC):
        raise BackupDamaged("this is no sealed file of a backup")
    version, number = start[len(MAGIC)], start[len(MAGIC) + 1]
    suite = suite_numbered(number)
    if version != VERSION or suite is None:
        raise BackupNewer("a sealed file has a version or suite that this Gatehouse does not know")
    (length,) = _HEAD.unpack(start[-_HEAD.size :])
    if length > _LARGEST_HEAD:
        raise BackupDamaged("the head of a sealed file is too long")
    text = _exactly(file, length)
    try:
        said = json.loads(text)
    except ValueError as error:
        raise BackupDamaged("the head of a sealed file cannot be read") from error
    if not isinstance(said, dict) or encode_head(said) != text:
        raise BackupDamaged("the head of a sealed file cannot be read")
    return suite, text, said


def unseal_stream(file: Readable, key: bytes, head: Mapping[str, str]) -> Iterator[bytes]:
    """The content of a sealed file whose head says exactly `head`, chunk by chunk.

    Raises `BackupDamaged` when the file is not what was written under this key and head, also when
    it was cut at the border of a chunk or something follows its end, and `BackupNewer`. What was
    given out before is genuine, but it is the whole only when the iteration ends by itself.
    """
    suite, text, said = read_head(file)
    if said != dict(head):
        raise BackupDamaged("a sealed file is of another backup, or of another part of it")
    salt, commitment = _exactly(file, _SALT), _exactly(file, KEY_SIZE)
    file_key, expected = _derive(suite, key, salt, text)
    if not hmac.compare_digest(commitment, expected):
        raise BackupDamaged("a sealed file does not open under its key")
    cipher = suite.cipher(file_key)
    chunk, number = _up_to(file, CHUNK + TAG), 0
    while True:
        following = _up_to(file, CHUNK + TAG) if len(chunk) == CHUNK + TAG else b""
        last = not following
        try:
            plain = cipher.decrypt(_nonce(number, last=last), chunk, None)
        except InvalidTag:
            raise BackupDamaged("a sealed file was cut off or altered") from None
        if last and not plain and number:
            raise BackupDamaged("a sealed file ends with an empty chunk")
        yield plain
        if last:
            return
        chunk, number = following, number + 1


def encode_head(head: Mapping[str, str]) -> bytes:
    """Canonical JSON: sorted names, no spaces, ASCII."""
    return json.dumps(dict(head), sort_keys=True, separators=(",", ":")).encode("ascii")


def _derive(suite: Suite, key: bytes, salt: bytes, head: bytes) -> tuple[bytes, bytes]:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key has {KEY_SIZE} bytes")
    info = MAGIC + suite.header + hashlib.sha512(head).digest()
    material = HKDF(SHA512(), 2 * KEY_SIZE, salt, info).derive(key)
    return material[:KEY_SIZE], material[KEY_SIZE:]


def _nonce(number: int, *, last: bool) -> bytes:
    if number >= _MOST_CHUNKS:
        raise ValueError("a sealed file cannot be this long")
    return bytes(3) + _NUMBER.pack(number) + bytes([last])


def _up_to(file: Readable, size: int) -> bytes:
    """`size` bytes, or what is left."""
    parts, missing = [], size
    while missing and (data := file.read(missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def _exactly(file: Readable, size: int) -> bytes:
    data = _up_to(file, size)
    if len(data) < size:
        raise BackupDamaged("a sealed file was cut off")
    return data
