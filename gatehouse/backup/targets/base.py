"""What every second place can do."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from gatehouse.backup.sealing import Readable, Writable

MARKER: Final = "gatehouse-backups.json"
MANIFEST: Final = "manifest"


class Target(Protocol):
    """Objects by name, `backup/file`; every method raises `TargetUnavailable`."""

    @property
    def place(self) -> str:
        """Where it is, without secrets, for people."""
        ...

    @property
    def volume(self) -> int | None:
        """The device number of its file system, when it is one of this machine."""
        ...

    def names(self) -> list[str]:
        """Every object of ours, unfinished ones included."""
        ...

    def writing(self, name: str) -> AbstractContextManager[Writable]:
        """A new object, there and durable when the block ends well and not there otherwise."""
        ...

    def reading(self, name: str) -> AbstractContextManager[Readable]:
        """An object from its beginning. Raises `KeyError` when there is none."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; one that is gone already is no error."""
        ...
