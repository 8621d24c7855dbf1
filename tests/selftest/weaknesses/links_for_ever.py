"""The link to a download works again and again, in every session."""

from __future__ import annotations

import pytest

from gatehouse.identity.exports import Exports, Ticket, TicketRefused

FOUND_BY = "download-link"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def take(self: Exports, ticket: str, session_id: str) -> Ticket:
        if ticket not in self._tickets:
            raise TicketRefused("there is no such link")
        return self._tickets[ticket]

    patch.setattr(Exports, "take", take)
