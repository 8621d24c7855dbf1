"""The revisions that were in force, so that one can be compared with another.

Each is kept under its own hash, so it cannot be altered unnoticed; the audit log says when it was
in force. Only comparisons read this: nothing here may ever put rules in force.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import IntegrityError, InvalidInput, NotReady
from gatehouse.policy.sources import MAX_TOTAL, Sources

NAME = "history"
MOST_KEPT = 100
LEAST_PREFIX = 6
_REVISION = re.compile(r"[0-9a-f]{64}")
_MAX_SIZE = MAX_TOTAL * 2


@dataclass(frozen=True, slots=True)
class Accepted:
    """A revision and when it was last put in force, in seconds since the epoch."""

    revision: str
    at: float


class History:
    """The revisions in `directory`, one file each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, sources: Sources) -> None:
        """Remember that `sources` are in force now. Raises `OSError`."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / sources.revision
        handle, name = tempfile.mkstemp(dir=self._directory, prefix=".keep-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_pack(sources))
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        for old in self.accepted()[MOST_KEPT:]:
            (self._directory / old.revision).unlink(missing_ok=True)

    def accepted(self) -> list[Accepted]:
        """All revisions, the one in force first."""
        found: list[Accepted] = []
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                if _REVISION.fullmatch(path.name):
                    with contextlib.suppress(FileNotFoundError):
                        found.append(Accepted(path.name, path.stat().st_mtime))
        return sorted(found, key=lambda item: (-item.at, item.revision))

    def find(self, wanted: str) -> str:
        """The revision that `wanted` names: `in-force`, `previous`, or how a revision begins.

        Raises `InvalidInput`, or `NotReady` when nothing was in force here yet.
        """
        known = [item.revision for item in self.accepted()]
        if not known:
            raise NotReady(
                "no revision is kept yet", "the server keeps every revision that it accepts"
            )
        if wanted == "in-force":
            return known[0]
        if wanted == "previous":
            if len(known) == 1:
                raise InvalidInput(
                    "there is no previous revision: the first one is in force",
                    "the files against it: `gatehouse policy diff in-force`; a running server takes"
                    " a saved edit within two seconds",
                )
            return known[1]
        found = [one for one in known if one.startswith(wanted)]
        if len(wanted) < LEAST_PREFIX or not found:
            raise InvalidInput(
                f"no accepted revision begins with `{wanted}`",
                f"name a directory, `in-force`, `previous`, or {LEAST_PREFIX} digits or more of one"
                f" of: {', '.join(one[:8] for one in known[:8])}",
            )
        if len(found) > 1:
            raise InvalidInput(f"several revisions begin with `{wanted}`", "give more digits")
        return found[0]

    def load(self, revision: str) -> Sources:
        """The files of a revision that `find` gave. Raises `IntegrityError` when altered."""
        try:
            with (self._directory / revision).open("rb") as stream:
                content = stream.read(_MAX_SIZE + 1)
            sources = _unpack(content)
        except (OSError, ValueError) as error:
            raise IntegrityError(f"the revision {revision[:8]} cannot be read") from error
        if sources.revision != revision:
            raise IntegrityError(f"the revision {revision[:8]} was altered")
        return sources


def _pack(sources: Sources) -> bytes:
    """All files; equal sources give equal bytes."""
    files = {name: base64.b64encode(data).decode() for name, data in sources.files.items()}
    return json.dumps({"label": sources.label, "files": files}, sort_keys=True).encode()


def _unpack(packed: bytes) -> Sources:
    """What was packed. Raises `ValueError`."""
    try:
        saved = json.loads(packed)
        files = {
            str(name): base64.b64decode(data, validate=True)
            for name, data in saved["files"].items()
        }
        return Sources(str(saved["label"]), files)
    except (KeyError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise ValueError("not packed policies") from error
