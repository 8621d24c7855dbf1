"""Takes notices to the mailboxes of their people, beside the work that they are about.

A notice that waits in the chat page is the one that counts; this is the one that also reaches somebody
who does not look there. It must never hold up, or fail, what it tells of.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gatehouse.errors import GatehouseError
from gatehouse.logs import get_logger, place_of
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.carriers import Mail

log = get_logger(__name__)

MOST_WAITING: Final = 100
SUBJECT: Final = "Your account"
_CLOSING: Final = "If that was not you, tell your administrator now, and sign in to the chat page to see what is set up."


def nobody(person_id: str, text: str) -> None:
    """Where there is no mail."""


class Courier:
    """Sends to every mailbox that a person has confirmed."""

    def __init__(self, authenticators: Authenticators, mail: Mail) -> None:
        self._authenticators = authenticators
        self._mail = mail
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="notices")
        self._room = threading.BoundedSemaphore(MOST_WAITING)

    def __call__(self, person_id: str, text: str) -> None:
        """Send `text` to the person, later; dropped when too much waits already."""
        if not self._room.acquire(blocking=False):
            log.warning("a notice was not sent", reason="too many")
            return
        try:
            # Now: a notice of a removal is for the mailbox that is about to go.
            addresses = [
                self._authenticators.secret(row).decode()
                for row in self._authenticators.rows(person_id, "email")
            ]
            self._pool.submit(self._send, addresses, text)
        except GatehouseError as error:
            self._room.release()
            log.warning("a notice was not sent", error=place_of(error))

    def close(self) -> None:
        """Send what waits, then end."""
        self._pool.shutdown()

    def _send(self, addresses: Sequence[str], text: str) -> None:
        try:
            for address in addresses:
                body = f"{text}\n\n{_CLOSING}\n"
                self._mail.send(address, SUBJECT, body, f"notice_{secrets.token_hex(16)}")
        except GatehouseError as error:
            log.warning("a notice was not sent", error=place_of(error))
        finally:
            self._room.release()
