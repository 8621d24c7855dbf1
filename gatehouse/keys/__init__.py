"""Keys: the record envelope, the roots and the ring.

The public names of the package. Other packages import from here, never from the inner modules,
and must never keep a key longer than the call that needs it.
"""

from gatehouse.keys.columns import SealedColumn
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.keys.errors import (
    AlreadyInitialised,
    EnvelopeError,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
    UnknownKey,
)
from gatehouse.keys.nodes import Entry
from gatehouse.keys.opening import make_ring, open_ring, ring_is_made
from gatehouse.keys.ring import KeyRing
from gatehouse.keys.roots import FileRoot, Root
from gatehouse.keys.status import RingCheck, RingStatus

__all__ = [
    "AlreadyInitialised",
    "Entry",
    "EnvelopeError",
    "FileRoot",
    "KeyRing",
    "KeyRingDamaged",
    "KeyRingNotReady",
    "KeyRingUnavailable",
    "RingCheck",
    "RingStatus",
    "Root",
    "RootMissing",
    "SealedColumn",
    "UnknownKey",
    "associated_data",
    "make_ring",
    "open_ring",
    "ring_is_made",
    "seal",
    "unseal",
]
