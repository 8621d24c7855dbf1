"""Why a conversation cannot be read or written, as types that a channel can tell apart.

None of them may be answered by starting a fresh conversation in silence, and none carries a
conversation id, a person or an event.
"""

from __future__ import annotations

from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, Unavailable


class TrackerUnavailable(Unavailable):
    """The database of the conversations does not answer; the turn is refused."""


class TrackerConflict(Unavailable):
    """The conversation was written by someone else during this turn; the turn is refused."""


class TrackerTampered(IntegrityError):
    """A stored conversation is not what was written. `reason` is a short word for the audit log."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a stored conversation is not what was written ({reason.replace('_', ' ')})",
            "keep the database and ring.db as they are and look into it",
        )
        self.reason = reason


class ConversationEnded(GatehouseError):
    """The conversation was destroyed or expired during this turn; nothing of it was stored."""

    def __init__(self) -> None:
        super().__init__("this conversation has ended", "start a new one")


class ConversationOwned(InvalidInput):
    """The conversation belongs to another person."""


class EventRefused(InvalidInput):
    """An event cannot be written as JSON."""
