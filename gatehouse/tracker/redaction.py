"""What an event broker may learn of a conversation: that something happened, and when.

Rasa publishes every event whole, with the sender's id. Whatever broker `endpoints.yml` names is put
behind `RedactingBroker`, which is the only thing that the tracker store hands events to. It builds
each message anew from a short list of what may go out, so that a field nobody thought of stays in.
Names of intents, actions and slots stay in too: beside a pseudonym they tell who asked about what.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any, Final

from rasa.core.brokers.broker import EventBroker

from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

# The kinds of rasa 3.6.21 that carry no content in their name; any other is published as "other".
_KINDS: Final = frozenset(
    {
        "action", "action_execution_rejected", "active_loop", "agent", "bot", "cancel_reminder",
        "entities", "followup", "loop_interrupted", "pause", "reminder", "reset_slots", "restart",
        "resume", "rewind", "session_started", "slot", "undo", "user", "user_featurization",
    }
)  # fmt: skip


class RedactingBroker(EventBroker):
    """Publishes to `broker` what `redacted` leaves of each event.

    A conversation is called by an HMAC of its id under a service key: the same for all of its
    events, of no use with any table of Gatehouse, and not to be confirmed without the key ring.
    """

    def __init__(self, broker: EventBroker, key: bytes) -> None:
        self._broker = broker
        self._key = key
        # A broker has its connection on the loop that made it, and turns run on another one.
        self._home = _running_loop()

    def publish(self, event: dict[str, Any]) -> None:
        """Publish what is left of `event`. A broker that fails does not fail the turn, which is
        stored by now; its error text may quote a message and is not logged."""
        left = redacted(event, self._pseudonym(str(event.get("sender_id", ""))))
        if self._home is None or self._home is _running_loop() or self._home.is_closed():
            self._publish(left)
        else:
            self._home.call_soon_threadsafe(self._publish, left)

    def _publish(self, event: dict[str, Any]) -> None:
        try:
            self._broker.publish(event)
        except Exception as error:  # noqa: BLE001 - whatever a broker raises
            log.error("an event was not published", error=place_of(error))

    def is_ready(self) -> bool:
        """Whether the broker behind is."""
        return bool(self._broker.is_ready())

    async def close(self) -> None:
        await self._broker.close()

    def _pseudonym(self, conversation_id: str) -> str:
        return hmac.digest(self._key, conversation_id.encode(), hashlib.sha256).hex()[:32]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def redacted(event: dict[str, Any], conversation: str) -> dict[str, Any]:
    """The kind of `event`, its time to the second, and the pseudonym `conversation`."""
    kind, at = event.get("event"), event.get("timestamp")
    return {
        "sender_id": conversation,
        "event": kind if isinstance(kind, str) and kind in _KINDS else "other",
        "timestamp": int(at) if isinstance(at, int | float) else None,
    }
