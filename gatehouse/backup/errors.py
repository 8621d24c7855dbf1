"""What can be wrong with a backup, each with what to do about it."""

from __future__ import annotations

from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady, Unavailable


class BackupDamaged(IntegrityError):
    """A backup is not what was written: cut off, altered, mixed, or under another key."""


class BackupForeign(InvalidInput):
    """A backup or its place belongs to another deployment."""


class BackupNewer(NotReady):
    """A backup was made by a later version than this one."""


class BackupKeyMissing(GatehouseError):
    """The key of a backup is not in the key ring: it was pruned, or the ring is not its own."""

    exit_code = 5


class BackupMissing(IntegrityError):
    """A backup that was made is not where it should be."""


class BackupBusy(NotReady):
    """Another backup, restore or prune is at work."""


class TargetUnavailable(Unavailable):
    """The second place does not answer, is full, or may not be written."""


class BackupGivenUp(NotReady):
    """A run was given up on purpose, because the server stops."""
