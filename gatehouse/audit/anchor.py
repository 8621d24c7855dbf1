"""Remembers outside the database how far the log has come: entries signed, and starts of the server.

Lies beside the key ring, so that whoever swaps or empties the database for a while, or puts back an
old one, is found out at the next start and by verification. Whoever may write to the directory of the
keys can put an old anchor back; against them there are witnesses. It never goes down by itself.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatehouse.errors import IntegrityError, Unavailable


class Anchor:
    """Numbers by name in one small file, sealed with an HMAC under `key` (32 bytes)."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key

    def get(self, name: str) -> int:
        """The number under `name`; 0 when there is none.

        Raises `IntegrityError` when the file is not what was written, `Unavailable` when it cannot
        be read.
        """
        return self._read().get(name, 0)

    def numbers(self) -> dict[str, int]:
        """All numbers by name; raises like `get`."""
        return self._read()

    def raise_to(self, name: str, number: int) -> None:
        """Remember `number` under `name` unless a larger one is there; durable on return."""
        with self._alone():
            numbers = self._read()
            if numbers.get(name, 0) >= number:
                return
            numbers[name] = number
            self._write(numbers)

    def _read(self) -> dict[str, int]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be read") from error
        seal, _, text = data.partition(b"\n")
        if not hmac.compare_digest(seal, self._seal(text)):
            raise IntegrityError(
                f"{self._path.name} beside the key ring is not what was written",
                "find out who wrote to it; removing it forgets how far the log had come",
            )
        numbers: dict[str, int] = json.loads(text)
        return numbers

    def _write(self, numbers: dict[str, int]) -> None:
        text = json.dumps(numbers, sort_keys=True).encode()
        new = self._path.with_name(self._path.name + ".new")
        try:
            with open(new, "wb", opener=_private) as file:
                file.write(self._seal(text) + b"\n" + text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be written") from error

    def _seal(self, text: bytes) -> bytes:
        return hmac.new(self._key, text, "sha256").hexdigest().encode()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be locked") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
