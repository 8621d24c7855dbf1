"""Where the root of the key tree lives: the only secret that has to be truly erasable.

A root wraps one small secret per generation. Destroying a generation must end every copy of what
it wrapped, wherever the copy is; so a root must never be archived, exported or put into a backup.
`FileRoot` is the embedded default. A hardware module or a key service implements `Root` as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final, Protocol

from gatehouse.keys.envelope import KEY_SIZE, seal, unseal
from gatehouse.keys.errors import (
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)

_MAGIC: Final = b"gatehouse key root 1\n"
_CHECK: Final = 32
_NAME: Final = re.compile(r"root-([0-9a-f]{32})\.key")


class Root(Protocol):
    """Makes, uses and destroys root generations; a handle names one and is not secret.

    Every method may raise `KeyRingUnavailable` when the place of the roots does not answer. A
    handle is 32 hexadecimal digits, the first 16 of which say whose ring it belongs to.
    """

    kind: str
    """The value of the setting `keys.root`."""
    local: bool
    """Whether making and destroying takes no longer than a write to the ring."""

    def create(self, handle: str) -> None:
        """A new generation called `handle`, durable when this returns."""
        ...

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        """`secret` so that only this generation opens it. Raises `RootMissing`."""
        ...

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        """What `wrap` was given. Raises `RootMissing` or `EnvelopeError`."""
        ...

    def destroy(self, handle: str) -> None:
        """End the generation; destroying it again is no error."""
        ...

    def irreversible_at(self, destroyed_at: float) -> float:
        """When a destruction at `destroyed_at` can no longer be undone (epoch seconds)."""
        ...

    def handles(self) -> frozenset[str]:
        """Every generation that still exists, perhaps of other rings too."""
        ...


_OWNER: Final = 16


def new_handle(ring: str) -> str:
    """A name for a new root of `ring` (32 hexadecimal digits)."""
    return ring[:_OWNER] + secrets.token_hex(_OWNER // 2)


def belongs_to(handle: str, ring: str) -> bool:
    """Whether `handle` names a root that was made for `ring`, and for no other."""
    return handle[:_OWNER] == ring[:_OWNER]


class FileRoot:
    """Root generations as files `root-<handle>.key` of mode 0600 in one directory.

    `destroy` overwrites, flushes and unlinks. On flash storage and copy-on-write file systems an
    overwritten block may outlive that: the directory belongs on an encrypted volume there, or the
    root in a hardware module.
    """

    kind = "file"
    local = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def create(self, handle: str) -> None:
        key = os.urandom(KEY_SIZE)
        try:
            _write_new(self._path(handle), _MAGIC + key + _checksum(key))
            sync_directory(self._directory)
        except OSError as error:
            raise KeyRingUnavailable(f"a key root cannot be written: {error.strerror}") from error

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        return seal(self._key(handle), secret, associated)

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        return unseal(self._key(handle), wrapped, associated)

    def destroy(self, handle: str) -> None:
        path = self._path(handle)
        try:
            _overwrite(path)
            path.unlink()  # should a power cut bring the name back, what it names is overwritten
        except FileNotFoundError:
            if not self.handles():  # destroyed already, or the volume is not mounted
                raise KeyRingUnavailable(
                    f"there is no key root at all in {self._directory}", "is its volume mounted?"
                ) from None
        except OSError as error:
            raise KeyRingUnavailable(
                f"a key root cannot be destroyed: {error.strerror}",
                f"make {path} writable; the destruction is tried again at the next start",
            ) from error

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at

    def handles(self) -> frozenset[str]:
        try:
            names = os.listdir(self._directory)
        except OSError as error:
            raise KeyRingUnavailable(f"the keys cannot be listed: {error.strerror}") from error
        return frozenset(match[1] for name in names if (match := _NAME.fullmatch(name)))

    def _path(self, handle: str) -> Path:
        path = self._directory / f"root-{handle}.key"
        if not _NAME.fullmatch(path.name):
            raise KeyRingDamaged("the key ring names a key root that cannot exist")
        return path

    def _key(self, handle: str) -> bytes:
        content = _read_private(self._path(handle))
        key = content[len(_MAGIC) : len(_MAGIC) + KEY_SIZE]
        if content != _MAGIC + key + _checksum(key):
            raise KeyRingDamaged(
                "a key root file is damaged", f"put {self._path(handle).name} back as it was"
            )
        return key


class MemoryRoot:
    """Generations that live in this process only: for a throw-away copy of a ring in a drill.

    What it wrapped opens nowhere once the process is gone, however the process ended.
    """

    kind = "memory"
    local = True

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}

    def create(self, handle: str) -> None:
        self._keys[handle] = os.urandom(KEY_SIZE)

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        return seal(self._key(handle), secret, associated)

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        return unseal(self._key(handle), wrapped, associated)

    def destroy(self, handle: str) -> None:
        self._keys.pop(handle, None)

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at

    def handles(self) -> frozenset[str]:
        return frozenset(self._keys)

    def _key(self, handle: str) -> bytes:
        key = self._keys.get(handle)
        if key is None:
            raise RootMissing("the root of a throw-away key ring is gone")
        return key


def sync_directory(directory: Path) -> None:
    """Make created and removed names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(key: bytes) -> bytes:
    return hashlib.sha256(_MAGIC + key).digest()[:_CHECK]


def _write_new(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _overwrite(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_NOFOLLOW), "wb") as file:
        file.write(os.urandom(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def _read_private(path: Path) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise KeyRingNotReady(
                    f"the key root {path.name} can be read by others", f"chmod 600 {path}"
                )
            return file.read(4096)
    except FileNotFoundError:
        raise RootMissing(
            "the key root of this key ring is missing",
            f"put {path.name} back into {path.parent}; a new root cannot open this ring",
            "if the ring was restored from an old copy, put the present one back: "
            "the root of an old copy was destroyed on purpose",
        ) from None
    except OSError as error:
        raise KeyRingUnavailable(f"the key root cannot be read: {error.strerror}") from error
