"""Whether a file that is held open is still the one that its name leads to.

A process goes on reading and writing a file that was deleted or replaced under it, and what it
acknowledges is gone with the process. Nothing here opens, makes or changes a file.
"""

from __future__ import annotations

import os
from pathlib import Path


class SameFile:
    """The file at `path` as it was at the first look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None

    def is_there(self) -> bool:
        """Whether the name still leads to the file of the first look, which this may be."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        identity = found.st_dev, found.st_ino
        if self._identity is None:
            self._identity = identity
        return identity == self._identity
