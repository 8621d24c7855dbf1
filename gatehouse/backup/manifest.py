"""The signed statement of what a backup is: the last thing written, without which there is none.

A signed note (C2SP signed-note) under the key that signs the checkpoints of the audit log; its first
line is one that no checkpoint can have. It names nobody: sizes, hashes, versions, and how far the
audit log had come. A manifest must never be believed before its signature was checked.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.audit import note as notes
from gatehouse.audit.errors import CheckpointInvalid
from gatehouse.backup.errors import BackupDamaged, BackupForeign, BackupNewer
from gatehouse.keys import KeyRing

FIRST_LINE: Final = "gatehouse/backup-manifest/v1"
FORMAT: Final = 1
SIGNER: Final = "gatehouse-backups"
ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Part:
    """One sealed file: sizes in bytes, hashes are SHA-256 in hex.

    `kind` is sqlite, postgresql or files; `place` the schema of PostgreSQL, else empty.
    """

    name: str
    kind: str
    plain_size: int
    plain_hash: str
    sealed_size: int
    sealed_hash: str
    place: str = ""

    @property
    def file(self) -> str:
        """The name of the sealed file."""
        return f"{self.name}.sealed"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. `made_at` (epoch seconds) is when its main database was copied."""

    id: str
    made_at: float
    deployment: str
    product: str
    migration: str
    policy_revision: str
    audit_entries: int
    audit_checkpoint: str
    parts: tuple[Part, ...] = field(default=())
    format: int = FORMAT

    @property
    def key_name(self) -> str:
        """What the key of this backup is called in the ring."""
        return key_name(self.id)

    @property
    def size(self) -> int:
        """Bytes of all sealed files."""
        return sum(part.sealed_size for part in self.parts)

    def part(self, name: str) -> Part | None:
        """The part called `name`, if the backup has it."""
        return next((part for part in self.parts if part.name == name), None)

    def head_of(self, part: str) -> dict[str, str]:
        """What the head of a sealed file has to say."""
        return head_of(self.id, part)

    @classmethod
    def _from(cls, said: dict[str, Any]) -> Self:
        parts = tuple(Part(**one) for one in said.pop("parts"))
        return cls(**said, parts=parts)


def head_of(backup: str, part: str) -> dict[str, str]:
    """The head of the sealed file of `part` in `backup`."""
    return {"backup": backup, "key": key_name(backup), "part": part}


def key_name(backup: str) -> str:
    """What the key of a backup is called in the ring."""
    return f"backup {backup}"


def after_name(backup: str) -> str:
    """What the ring calls the fact that a later backup was made than this one."""
    return f"backup after {backup}"


def deployment_of(ring: KeyRing) -> str:
    """A short name of the deployment, from the public key of its log."""
    return hashlib.sha256(_signer(ring).verifier().public).hexdigest()[:16]


def sign(manifest: Manifest, ring: KeyRing) -> str:
    """The manifest as a signed note."""
    text = json.dumps(asdict(manifest), sort_keys=True, separators=(",", ":"))
    return notes.sign(f"{FIRST_LINE}\n{text}\n", [_signer(ring)])


def read(note: str, ring: KeyRing, expected_id: str) -> Manifest:
    """The manifest of a note that this deployment signed for the backup `expected_id`.

    Raises `BackupForeign` when another deployment made it, `BackupNewer` for a later format,
    `BackupDamaged` when it is not what was written.
    """
    try:
        text, good = notes.check(note, [_signer(ring).verifier()])
        first, _, body = text.partition("\n")
        said = json.loads(body)
        deployment, form = said["deployment"], said["format"]
    except (CheckpointInvalid, ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(
            "the manifest of this backup is not what was written", "take another backup"
        ) from error
    if deployment != deployment_of(ring):
        raise BackupForeign(
            "this backup was made by another deployment",
            "restore it where the key ring and root of that deployment are",
        )
    if not good or first != FIRST_LINE:
        raise BackupDamaged("the manifest of this backup is not signed by this deployment")
    if form != FORMAT:
        raise BackupNewer("this backup has a later format", "use the version that made it")
    try:
        manifest = Manifest._from(said)
    except (TypeError, KeyError) as error:
        raise BackupDamaged("the manifest of this backup cannot be read") from error
    if manifest.id != expected_id or not ID.fullmatch(manifest.id):
        raise BackupDamaged("the manifest is of another backup than its place says")
    return manifest


def _signer(ring: KeyRing) -> notes.Ed25519Signer:
    seed = ring.service_key("audit-checkpoints")
    return notes.Ed25519Signer(SIGNER, Ed25519PrivateKey.from_private_bytes(seed))
