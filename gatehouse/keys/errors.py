"""What can go wrong with keys, as types that a caller can tell apart.

No error here carries key material, associated data or a plaintext, because errors are logged.
"""

from __future__ import annotations

from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady, Unavailable


class EnvelopeError(IntegrityError):
    """A sealed record does not open: altered, moved, cut or sealed under another key."""


class KeyRingNotReady(NotReady):
    """There is no key ring yet, or its directory is not safe to use."""


class RootMissing(NotReady):
    """The key root that a key ring needs is not there (or was destroyed on purpose)."""


class KeyRingDamaged(IntegrityError):
    """The key ring or a key root is not what was written."""


class KeyRingUnavailable(Unavailable):
    """The key ring cannot be read or written now: locked, disk full, permission lost."""


class AlreadyInitialised(InvalidInput):
    """A key ring exists already; making another one would end every conversation."""


class UnknownKey(GatehouseError):
    """The named key does not exist, has expired or was destroyed."""
