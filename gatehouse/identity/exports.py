"""Tickets for downloads: a conversation hands out a link, and the link works once.

The data itself never goes through a chat message or the tracker; a ticket only remembers whose data
may be fetched, from which session, and until when. Tickets live in memory and are never written.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError

LIFETIME = 300.0  # seconds
MOST_TICKETS = 1000


class TicketRefused(GatehouseError):
    """The link is unknown, used, expired or belongs to another session."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link may fetch: `what` is `json` or `page` (the data of the person) or `receipt`, whose
    bytes are `content`."""

    person_id: str
    session_id: str
    expires_at: float
    what: str = "json"
    content: bytes = field(default=b"", repr=False)


class Exports:
    """Single-use tickets of five minutes, each bound to one session. Safe to use from threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tickets: dict[str, Ticket] = {}
        self._lock = threading.Lock()

    def create(
        self, person_id: str, session_id: str, what: str = "json", content: bytes = b""
    ) -> str:
        """A new ticket (43 characters, 256 random bits) for the data of `person_id`."""
        now = self._clock.now()
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._forget_expired(now)
            while len(self._tickets) >= MOST_TICKETS:
                self._tickets.pop(next(iter(self._tickets)))
            self._tickets[ticket] = Ticket(person_id, session_id, now + LIFETIME, what, content)
        return ticket

    def take(self, ticket: str, session_id: str) -> Ticket:
        """What the ticket allows to fetch; it is used up.

        Raises `TicketRefused`. A ticket shown by another session stays valid for its own.
        """
        now = self._clock.now()
        with self._lock:
            self._forget_expired(now)
            found = self._tickets.get(ticket)
            if found is None or not secrets.compare_digest(
                found.session_id.encode(), session_id.encode()
            ):
                raise TicketRefused(
                    "this download link is used, expired or not yours", "ask for a new export"
                )
            del self._tickets[ticket]
        return found

    def forget(self, person_id: str) -> int:
        """Void every ticket of a person, such as when their data is erased; how many there were."""
        with self._lock:
            mine = [key for key, ticket in self._tickets.items() if ticket.person_id == person_id]
            for key in mine:
                del self._tickets[key]
        return len(mine)

    def _forget_expired(self, now: float) -> None:
        expired = [key for key, ticket in self._tickets.items() if ticket.expires_at <= now]
        for key in expired:
            del self._tickets[key]
