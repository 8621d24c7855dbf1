"""One signed file with everything: written whole or not at all.

A ZIP archive, not compressed and without gaps, whose members are named with their SHA-256 in `SHA256SUMS`; `SIGNATURE` is a signed note
(C2SP signed-note) over the hash of that list, made with the key that signs the checkpoints of the
audit log, which an auditor already has. The first line of the note cannot be the name of a log, so
that it never passes for a checkpoint, nor a checkpoint for it.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatehouse.audit import CheckpointInvalid
from gatehouse.audit import note as notes
from gatehouse.errors import IntegrityError, InvalidInput, Unavailable

SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SIGNATURE"
FIRST_LINE: Final = "gatehouse evidence bundle, version 1"
_NAME: Final = re.compile(r"(?:[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_LARGEST: Final = 256 << 20  # bytes of a bundle
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
# The beginning and end of a ZIP archive, and the fixed sizes of its headers (APPNOTE 4.3).
_BEGIN: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_LOCAL, _CENTRAL, _LAST = 30, 46, 22


class BundleForged(IntegrityError):
    """The bundle is not what was signed, or only a part of it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What the signature vouches for: the hash of the list, by which log, when, and its entry there."""

    log: str
    made: str
    entry: int
    sums: str

    def text(self) -> str:
        """The text that is signed."""
        return (
            f"{FIRST_LINE}\nlog {self.log}\nmade {self.made}\nentry {self.entry}\n"
            f"sha256 {self.sums}\n"
        )

    @classmethod
    def parse(cls, text: str) -> Statement:
        """Raises `BundleForged`."""
        form = (
            rf"{FIRST_LINE}\nlog ([^\s+]+)\nmade ([0-9TZ:.-]{{20,30}})\nentry ([1-9]\d{{0,18}})\n"
            r"sha256 ([0-9a-f]{64})\n"
        )
        match = re.fullmatch(form, text, re.ASCII)
        if match is None:
            raise BundleForged("the signature is not one of a bundle")
        return cls(match[1], match[2], int(match[3]), match[4])


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that is what was signed, with its members by name."""

    statement: Statement
    members: Mapping[str, bytes]


def sums_of(members: Mapping[str, bytes]) -> bytes:
    """The list of members as `sha256sum` writes and checks it."""
    for name in members:
        if not _NAME.fullmatch(name) or name in (SUMS, SIGNATURE):
            raise ValueError(f"{name!r} cannot be a member of a bundle")
    lines = (f"{_sha256(data)}  {name}\n" for name, data in sorted(members.items()))
    return "".join(lines).encode()


def pack(members: Mapping[str, bytes], sums: bytes, signature: str) -> bytes:
    """The archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [
            (SIGNATURE, signature.encode()),
            (SUMS, sums),
            *sorted(members.items()),
        ]:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, mode 0600; never replaces a file.

    Raises `InvalidInput` when there is one, `Unavailable` when it cannot be written; nothing is left
    behind then.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _appear(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        _sync(path.parent)
    except FileExistsError:
        raise InvalidInput(f"{path} exists already", "name another file with --out") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def _appear(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)  # unlike a rename, it fails when there is a file
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        os.replace(partial, path)


def require_free(path: Path) -> None:
    """Raise `InvalidInput` or `Unavailable` when no file can be made at `path`; before the work."""
    if path.exists() or path.is_symlink():
        raise InvalidInput(f"{path} exists already", "name another file with --out")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Unavailable(f"{path} cannot be written: no directory that may be written to")


def open_bundle(path: Path, trusted: Iterable[notes.Verifier]) -> Opened:
    """The bundle at `path`, if one of the `trusted` keys signed all of it and nothing else is in it.

    Raises `BundleForged` for whatever was changed, cut off, added or signed by somebody else,
    `InvalidInput` for what never was a bundle, `Unavailable` when it cannot be read.
    """
    members = _members(path)
    try:
        signature = members.pop(SIGNATURE).decode()
        sums = members.pop(SUMS)
    except (KeyError, UnicodeDecodeError):
        raise BundleForged("the bundle has no signature that can be read") from None
    try:
        text, good = notes.check(signature, trusted)
    except CheckpointInvalid as error:
        raise BundleForged(f"the signature is wrong: {error.message}") from None
    if not good:
        raise BundleForged(
            "the bundle is not signed with the key at hand",
            "`gatehouse audit key` of the deployment shows its key",
        )
    statement = Statement.parse(text)
    if statement.log not in {key.name for key in good}:
        raise BundleForged("the bundle names another log than the key that signed it")
    if _sha256(sums) != statement.sums:
        raise BundleForged(f"{SUMS} is not what was signed")
    _compare(members, sums)
    return Opened(statement, members)


def _compare(members: Mapping[str, bytes], sums: bytes) -> None:
    signed: dict[str, str] = {}
    for line in sums.decode("ascii", "replace").splitlines():
        digest, _, name = line.partition("  ")
        signed[name] = digest
    for name in sorted(signed.keys() - members.keys()):
        raise BundleForged(f"{name} is missing")
    for name in sorted(members.keys() - signed.keys()):
        raise BundleForged(f"{name} was not signed")
    for name, data in members.items():
        if _sha256(data) != signed[name]:
            raise BundleForged(f"{name} is not what was signed")


def _members(path: Path) -> dict[str, bytes]:
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} is too large for a bundle")
        raw = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
    if not raw.startswith(_BEGIN) and _END not in raw[-100:]:
        raise InvalidInput(f"{path} is not a bundle of evidence")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _read(archive, len(raw))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, struct.error):
        raise BundleForged(f"{path} is only a part of a bundle, or was altered") from None


def _read(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    """Every member of an archive of `size` bytes in which there is nothing else, and no gap."""
    infos, members = archive.infolist(), {}
    place = listed = 0
    for info in infos:
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits
        bare = not info.extra and not info.comment and info.compress_size == info.file_size
        if not (plain and bare and info.header_offset == place and _NAME.fullmatch(info.filename)):
            raise BundleForged("the archive has a member that no bundle has")
        place += _LOCAL + len(info.filename) + info.file_size
        listed += _CENTRAL + len(info.filename)
        members[info.filename] = archive.read(info)
    if len(members) != len(infos) or archive.comment or size != place + listed + _LAST:
        raise BundleForged("the archive holds something besides its members")
    return members


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
