"""The backups at a second place: which there are, what they say, and how they are opened.

The only module that knows how a backup lies there: a directory of sealed parts, and the manifest
that is written last. What has no manifest is a backup that was cut off, and is none, unless the key
ring knows that it was whole. The ring also knows whether a later one was made than the newest that
is there: whoever can write to the place cannot pass off an old backup as the latest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gatehouse.backup import manifest as manifests
from gatehouse.backup.deployment import Progress
from gatehouse.backup.errors import (
    BackupDamaged,
    BackupForeign,
    BackupKeyMissing,
    BackupMissing,
)
from gatehouse.backup.manifest import ID, Manifest, Part
from gatehouse.backup.sealing import Readable, unseal_stream
from gatehouse.backup.targets import MANIFEST, MARKER, Target
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.keys import KeyRing

_LARGEST: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Found:
    """A backup at the place: its manifest, or what is wrong with it; whether its key is there."""

    id: str
    manifest: Manifest | None
    problem: GatehouseError | None
    has_key: bool


class Shelf:
    """The backups of the deployment of `ring` at `target`."""

    def __init__(self, target: Target, ring: KeyRing) -> None:
        self.target = target
        self._ring = ring

    def mark(self) -> None:
        """Make the place one of this deployment. Raises `BackupForeign` when it is another's."""
        if self._owner() is None:
            said = {"deployment": manifests.deployment_of(self._ring), "format": manifests.FORMAT}
            with self.target.writing(MARKER) as file:
                file.write(json.dumps(said).encode() + b"\n")
        self.require_marked()

    def require_marked(self) -> None:
        """Raise `NotReady` when the place was never used, `BackupForeign` when it is another's."""
        owner = self._owner()
        if owner is None:
            raise NotReady(
                f"there are no backups of ours at {self.target.place}",
                "is its volume mounted? `gatehouse backup now --new` begins at a new place",
            )
        if owner != manifests.deployment_of(self._ring):
            raise BackupForeign(
                f"another deployment keeps its backups at {self.target.place}",
                "give each deployment a place of its own",
            )

    def ids(self) -> list[str]:
        """Every backup with a manifest, oldest first."""
        return self._ids(self.target.names())

    @staticmethod
    def _ids(names: Iterable[str]) -> list[str]:
        split = (name.partition("/") for name in names)
        return sorted(one for one, _, file in split if file == MANIFEST and ID.fullmatch(one))

    def all(self) -> list[Found]:
        """Every backup, oldest first, whatever is wrong with it."""
        names = self.target.names()
        whole = set(self._ids(names))
        robbed = {backup for backup in self.without_manifest(names) if self.was_whole(backup)}
        return [
            self._found(backup) if backup in whole else Found(backup, None, _ROBBED, True)
            for backup in sorted(whole | robbed)
        ]

    def without_manifest(self, names: Iterable[str]) -> set[str]:
        """The backups of which `names` has something, and no manifest."""
        names = list(names)
        there = {name.partition("/")[0] for name in names if "/" in name}
        return {one for one in there if ID.fullmatch(one)} - set(self._ids(names))

    def was_whole(self, backup: str) -> bool:
        """Whether all parts of this backup were written once, and it was not pruned since."""
        return self._ring.find_kept(manifests.key_name(backup)) is not None

    def has_successor(self, backup: str) -> bool:
        """Whether a later backup was made than this one, wherever it is now."""
        return self._ring.find_kept(manifests.after_name(backup)) is not None

    def require_latest(self, backup: str) -> None:
        """Raise `BackupMissing` when `backup` is the newest that is there, and not the latest."""
        if self.has_successor(backup) and self.newest() == backup:
            raise BackupMissing(
                f"a later backup than {backup} was made and is not at {self.target.place}",
                "look for it in the snapshots of that place, and find out who removed it",
                f"to take the older one, name it: {backup}",
            )

    def manifest(self, backup: str) -> Manifest:
        """What a backup says. Raises `InvalidInput` when there is none, and as `manifest.read`."""
        if not ID.fullmatch(backup):
            raise InvalidInput(f"{backup!r} is not the name of a backup", _LIST)
        try:
            with self.target.reading(f"{backup}/{MANIFEST}") as file:
                note = file.read(_LARGEST + 1)
        except KeyError:
            if self.was_whole(backup):
                raise BackupDamaged(f"{backup}: {_ROBBED.message}", *_ROBBED.hints) from None
            raise InvalidInput(f"there is no backup {backup}", _LIST) from None
        try:
            text = note.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BackupDamaged(f"{backup}: its manifest cannot be read") from error
        try:
            return manifests.read(text, self._ring, backup)
        except BackupDamaged as error:
            raise BackupDamaged(f"{backup}: {error.message}", *error.hints) from error

    def newest(self) -> str:
        """The latest backup. Raises `NotReady` when there is none."""
        found = self.ids()
        if not found:
            raise NotReady(f"there is no backup at {self.target.place}", "`gatehouse backup now`")
        return found[-1]

    def key_of(self, manifest: Manifest) -> bytes:
        """The key of a backup. Raises `BackupKeyMissing`."""
        key = self._ring.find_kept(manifest.key_name)
        if key is None:
            raise BackupKeyMissing(
                "the key of this backup is not in the key ring",
                "a backup that was pruned stops opening everywhere, on purpose",
                "if it was not, the ring is an older copy: `gatehouse keys restore`",
            )
        return key

    def content(self, manifest: Manifest, part: Part, progress: Progress) -> Iterator[bytes]:
        """The verified content of a part, in pieces; whole only if the iteration ends by itself.

        Raises `BackupDamaged`, `BackupKeyMissing`, `TargetUnavailable`.
        """
        try:
            yield from self._content(manifest, part, progress)
        except BackupDamaged as error:
            where = f"{manifest.id}: {part.name}: "
            raise BackupDamaged(where + error.message, *error.hints) from error

    def _content(self, manifest: Manifest, part: Part, progress: Progress) -> Iterator[bytes]:
        key, plain = self.key_of(manifest), hashlib.sha256()
        size = 0
        with self._counted(manifest, part) as file:
            for piece in unseal_stream(file, key, manifest.head_of(part.name)):
                plain.update(piece)
                size += len(piece)
                progress(part.name, len(piece))
                yield piece
            file.require(part)
        if (size, plain.hexdigest()) != (part.plain_size, part.plain_hash):
            raise BackupDamaged(f"the part {part.name} is not the one that its manifest names")

    def verify(self, manifest: Manifest, progress: Progress) -> None:
        """Read all of a backup back and open it. Raises as `content`."""
        for part in manifest.parts:
            for _ in self.content(manifest, part, progress):
                pass

    @contextmanager
    def _counted(self, manifest: Manifest, part: Part) -> Iterator[_Counted]:
        try:
            with self.target.reading(f"{manifest.id}/{part.file}") as file:
                yield _Counted(file)
        except KeyError:
            raise BackupDamaged(f"the part {part.name} of this backup is missing") from None

    def _owner(self) -> str | None:
        try:
            with self.target.reading(MARKER) as file:
                text = file.read(_LARGEST)
        except KeyError:
            return None
        try:
            return str(json.loads(text)["deployment"])
        except (ValueError, TypeError, KeyError) as error:
            raise BackupDamaged(
                f"{MARKER} at the place of the backups cannot be read",
                "find out who wrote to it; `gatehouse backup now --new` makes it anew once it is gone",
            ) from error

    def _found(self, backup: str) -> Found:
        try:
            manifest = self.manifest(backup)
        except (BackupDamaged, BackupForeign, NotReady, InvalidInput) as error:
            return Found(backup, None, error, False)
        has_key = self._ring.find_kept(manifest.key_name) is not None
        return Found(backup, manifest, None, has_key)


_LIST: Final = "`gatehouse backup list` shows all"
_ROBBED: Final = BackupDamaged(
    "its manifest is gone", "somebody removed it, or its run was killed at the very end"
)


class _Counted:
    """Hashes what is read of a sealed file."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self._size += len(data)
        return data

    def require(self, part: Part) -> None:
        if (self._size, self._hash.hexdigest()) != (part.sealed_size, part.sealed_hash):
            raise BackupDamaged(f"the part {part.name} is not the one that its manifest names")
