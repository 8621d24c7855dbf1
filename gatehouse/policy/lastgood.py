"""Keeps the last good policies on disk, so that a restart with broken files does not lose them.

The file is authenticated with a key of the service: whoever can write it but lacks the key cannot
make rules. It must never be used when its authenticator does not match, and never be left behind
when it is older than the rules in force.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import IntegrityError, InvalidInput, Unavailable
from gatehouse.policy.history import NAME as HISTORY
from gatehouse.policy.history import History
from gatehouse.policy.sources import MAX_TOTAL, Sources

NAME = "policy-last-good"
_HEADER = b"gatehouse policy last good 1"
_MAX_SIZE = MAX_TOTAL * 2


@dataclass(frozen=True, slots=True)
class Kept:
    """The files that were in force, and the serial number they had; 0 without four eyes."""

    sources: Sources
    serial: int


class LastGood:
    """The file in `directory`. `key` are at least 32 secret bytes used for nothing else."""

    def __init__(self, directory: Path, key: bytes) -> None:
        if len(key) < 32:
            raise InvalidInput("the key of the last good policies is shorter than 32 bytes")
        self._directory = directory
        self._path = directory / NAME
        self._key = key
        self._history = History(directory / HISTORY)

    def save(self, sources: Sources, serial: int = 0) -> None:
        """Replace the file in one step. Raises `Unavailable`; then there is no file.

        The revision is also kept among those that were in force, if there is room for it.
        """
        with contextlib.suppress(OSError):
            self._history.keep(sources)
        payload = json.dumps(
            {
                "label": sources.label,
                "serial": serial,
                "files": {
                    name: base64.b64encode(data).decode() for name, data in sources.files.items()
                },
            },
            sort_keys=True,
        ).encode()
        try:
            self._replace(b"\n".join([_HEADER, self._mac(payload), payload]))
        except OSError as error:
            # An older file would bring back older rules after a restart.
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            raise Unavailable(
                f"the last good policies cannot be kept: {error.strerror}",
                "a restart needs valid policy files until this is put right",
            ) from error

    def load(self) -> Kept | None:
        """What was saved last; None when nothing was. Raises `IntegrityError` when altered."""
        try:
            with self._path.open("rb") as stream:
                content = stream.read(_MAX_SIZE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IntegrityError(
                f"the last good policies cannot be read: {error.strerror}"
            ) from error
        parts = content.split(b"\n", 2)
        if len(parts) != 3 or parts[0] != _HEADER or len(content) > _MAX_SIZE:
            raise IntegrityError("the last good policies are not what was written")
        if not hmac.compare_digest(parts[1], self._mac(parts[2])):
            raise IntegrityError("the last good policies were altered or belong to another key")
        try:
            saved = json.loads(parts[2])
            files = {
                str(name): base64.b64decode(data, validate=True)
                for name, data in saved["files"].items()
            }
            return Kept(Sources(str(saved["label"]), files), int(saved.get("serial", 0)))
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise IntegrityError("the last good policies cannot be understood") from error

    def _mac(self, payload: bytes) -> bytes:
        return hmac.new(self._key, _HEADER + b"\n" + payload, hashlib.sha256).hexdigest().encode()

    def _replace(self, content: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self._directory, prefix=f".{NAME}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
