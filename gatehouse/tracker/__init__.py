"""Conversations at rest: the encrypted Rasa tracker store, expiry and erasure.

`EncryptedTrackerStore` is fetched on first use, because it imports Rasa (seconds) and the rest of
this package does not. A failed import must not look like a missing class: Rasa would answer that
with a store that keeps conversations in clear in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.errors import NotReady
from gatehouse.tracker.endings import Ended
from gatehouse.tracker.errors import (
    ConversationEnded,
    ConversationOwned,
    TrackerConflict,
    TrackerTampered,
    TrackerUnavailable,
)
from gatehouse.tracker.lifecycle import Conversations, Purged, Summary

if TYPE_CHECKING:
    from gatehouse.tracker.store import EncryptedTrackerStore

__all__ = [
    "ConversationEnded",
    "ConversationOwned",
    "Conversations",
    "EncryptedTrackerStore",
    "Ended",
    "Purged",
    "Summary",
    "TrackerConflict",
    "TrackerTampered",
    "TrackerUnavailable",
]


def __getattr__(name: str) -> Any:
    if name != "EncryptedTrackerStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from gatehouse.tracker.store import EncryptedTrackerStore
    except ImportError as error:
        raise NotReady(f"the encrypted tracker store cannot be imported: {error}") from error
    return EncryptedTrackerStore
