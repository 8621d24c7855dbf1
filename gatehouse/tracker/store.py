"""The tracker store that Rasa is given: conversations sealed at rest, gone when they expire.

Named in endpoints.yml as `gatehouse.tracker.EncryptedTrackerStore`. It adapts `Journal` to Rasa's
`TrackerStore` (rasa 3.6.21, rasa/core/tracker_store.py) and keeps database work off the event
loop. It must never fall back to another store, answer a failure with an empty conversation, or
raise `ImportError` or `AttributeError` while it is built: Rasa replaces the store in silence then.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.settings import Retention
from gatehouse.tracker.errors import TrackerUnavailable
from gatehouse.tracker.horizon import needs_of
from gatehouse.tracker.journal import Addition, Audit, Journal, Mark
from gatehouse.tracker.lifecycle import Conversations
from gatehouse.tracker.lifetimes import Lifetime
from gatehouse.tracker.records import Snapshot
from gatehouse.tracker.redaction import RedactingBroker
from gatehouse.tracker.window import RAW_TURNS, SLACK, Carry, Needs, fold, reverts

_MARK = "_gatehouse_mark"
_channel_serves = False


class EncryptedTrackerStore(TrackerStore):
    """Rasa's tracker store over sealed records. Raises only subclasses of `GatehouseError`."""

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        parts: tuple[Journal, Conversations] | None = None,
        **unknown: Any,
    ) -> None:
        """As Rasa calls it, with the services of this process; see `build` for any others.

        Raises `InvalidInput` when endpoints.yml gives it settings: they are in gatehouse.toml.
        """
        given = sorted({**unknown, **({"url": host} if host else {})})
        if given:
            raise InvalidInput(
                f"endpoints.yml: tracker_store.{given[0]} is not a setting of this store",
                "the database and the time to live are set in gatehouse.toml",
            )
        self.needs: Needs | None = None  # without it, every turn reads the whole session
        self._processor: MessageProcessor | None = None
        self._whole: set[str] = set()  # conversations whose next turn has to
        self._only_for_channel = parts is None
        self._journal, self._conversations = parts or _of_this_process()
        if event_broker is not None:
            event_broker = RedactingBroker(event_broker, self._journal.names.key_for_publishing())
        super().__init__(domain, event_broker)

    @classmethod
    def build(
        cls,
        domain: Domain | None,
        engine: Engine,
        ring: KeyRing,
        clock: Clock,
        ttl: int,
        event_broker: EventBroker | None = None,
        audit: Audit | None = None,
        life: Lifetime | None = None,
    ) -> EncryptedTrackerStore:
        """A store over the given services; conversations live `ttl` seconds from a message, or as
        `life` says."""
        retention = Retention(ttl=ttl, purge_interval=60, on_end="destroy")
        journal = Journal(engine, ring, clock, life or Lifetime.of(retention), audit)
        parts = (journal, Conversations(engine, ring, clock, retention, audit))
        return cls(domain, event_broker=event_broker, parts=parts)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store the events that were added since `tracker` was retrieved or saved, as one record.

        A conversation that was destroyed or has expired since then is not brought back:
        `ConversationEnded`. The event broker hears of an event once it is stored, and only what
        `gatehouse.tracker.redaction` leaves of it.
        """
        self._require_channel()
        mark: Mark | None = getattr(tracker, _MARK, None)
        events = list(tracker.events)
        added: list[Event] = []

        def new(held: int) -> Addition:
            added[:] = itertools.islice(events, held, None)
            return self._addition(tracker.sender_id, mark, events, added)

        after = await asyncio.to_thread(self._journal.append, tracker.sender_id, mark, new)
        setattr(tracker, _MARK, after)
        if self.event_broker is not None:
            await self._stream_new_events(self.event_broker, added, tracker.sender_id)

    def _addition(
        self, conversation_id: str, mark: Mark | None, events: list[Event], added: list[Event]
    ) -> Addition:
        """What a turn adds, with the window moved on when it has become long enough."""
        stored = [event.as_dict() for event in added]
        if self.needs is None or mark is None or mark.turns is None or not stored:
            return Addition(stored)
        if any(isinstance(event, SessionStarted) for event in added):
            return Addition(stored)  # the window begins anew with the session
        back = reverts(added)
        if mark.snapshot is not None and back > self.needs.reverted:
            self._whole.add(conversation_id)
            raise TrackerUnavailable(
                "the turn takes back more than was read of the conversation", "say it again"
            )
        self._whole.discard(conversation_id)
        if len(mark.turns) < RAW_TURNS + SLACK and not back:
            return Addition(stored)
        folded = len(mark.turns) + 1 - RAW_TURNS
        carry = None
        if folded > 0:
            before = mark.snapshot
            carried = len(before.events) if before else 0
            raw_from = carried + sum(len(turn.events) for turn in mark.turns[:folded])
            old = (
                Carry(
                    events[:carried], before.solid, before.complete, before.states, before.visible
                )
                if before
                else None
            )
            carry = fold(events, raw_from, old, self.needs)
        if carry is None:
            return Addition(stored, whole=True)
        snapshot = Snapshot(
            [event.as_dict() for event in carry.events],
            carry.solid,
            carry.complete,
            carry.states,
            carry.visible,
        )
        return Addition(stored, snapshot, folded)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The events since the last session start; None when there is no living conversation."""
        tracker = await self._tracker(sender_id, whole=False)
        if tracker is None:
            # An end that was asked for and cut off by a crash is completed before anew begins.
            await asyncio.to_thread(self._conversations.carry_out, sender_id)
        return tracker

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """All events of all sessions; None when there is no living conversation."""
        return await self._tracker(conversation_id, whole=True)

    async def exists(self, conversation_id: str) -> bool:
        """Whether there is a living conversation with at least one event."""
        self._require_channel()
        mark = await asyncio.to_thread(self._journal.mark, conversation_id)
        return mark.sequence > 0

    async def keys(self) -> Iterable[str]:
        """The ids of all living conversations with at least one event."""
        self._require_channel()
        heads = await asyncio.to_thread(self._journal.heads)
        return [head.conversation_id for head in heads if head.sequence]

    def look_back_as_far_as(self, processor: MessageProcessor) -> None:
        """Read only as much of a session per turn as the policies of `processor` look at."""
        if processor is not self._processor:
            self.needs = needs_of(processor)
            self._processor = processor

    def _require_channel(self) -> None:
        if self._only_for_channel and not _channel_serves:
            raise TrackerUnavailable(
                "conversations are opened to the web channel only", "start with `gatehouse run`"
            )

    async def _tracker(self, conversation_id: str, *, whole: bool) -> DialogueStateTracker | None:
        self._require_channel()
        serves = None if conversation_id in self._whole else self._serves
        reading = await asyncio.to_thread(
            self._journal.read, conversation_id, whole=whole, serves=serves
        )
        if reading is None or not reading.events:
            return None
        events = [_restored(event) for event in reading.events]
        tracker = DialogueStateTracker.from_events(conversation_id, events, self.domain.slots)
        setattr(tracker, _MARK, reading.mark)
        return tracker

    def _serves(self, snapshot: Snapshot) -> bool:
        """Whether the policies of today predict from `snapshot` as from the whole session."""
        needs = self.needs
        return (
            needs is not None
            and snapshot.states >= needs.states
            and snapshot.visible >= needs.visible
        )


# Rasa walks all subclasses of Event for each event that it restores.
_event_class = lru_cache(maxsize=64)(Event.resolve_by_type)


def _restored(stored: dict[str, Any]) -> Event:
    """The event; one that this version of Rasa does not know stops the turn, it is not dropped."""
    try:
        return _event_class(stored["event"])._from_parameters(stored)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise TrackerUnavailable(
            "a stored event is of a kind that this version of Rasa does not know",
            "run the version that stored it",
        ) from error


def open_to_channel() -> None:
    """Let the store that Rasa builds open conversations; the web channel calls it.

    Without it a process that mounts something else, such as Rasa's HTTP API, reads nothing.
    """
    global _channel_serves
    _channel_serves = True


def _of_this_process() -> tuple[Journal, Conversations]:
    try:
        from gatehouse import runtime

        services = runtime.current()
        life = services.conversations.life
        journal = Journal(services.engine, services.ring, services.clock, life, services.audit)
        return journal, services.conversations
    except (ImportError, AttributeError) as error:
        raise NotReady(f"the tracker store cannot be put together: {error}") from error
