"""What happened in a session, for its open pages: that a turn began or was answered, that it ends.

An event names what happened and carries no word of the conversation; a page that wants the words asks
for them. So nothing of a conversation waits in memory here, and a stream that ends up in the wrong
hands says nothing. Used from one event loop only.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

KEPT = 64  # events of one session that a page may have missed
MOST_SESSIONS = 10_000
MOST_STREAMS = 4  # of one session: open tabs
MOST_IN_ALL = 2_000


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event; `id` is empty for those that a page cannot have missed."""

    name: str
    facts: Mapping[str, str | int]
    id: str = ""

    def encoded(self) -> bytes:
        """The event as the WHATWG HTML standard writes it (section 9.2.5)."""
        lines = [f"event: {self.name}", f"data: {json.dumps(dict(self.facts))}"]
        if self.id:
            lines.insert(0, f"id: {self.id}")
        return ("\n".join(lines) + "\n\n").encode()


class TooManyStreams(Exception):
    """The session, or the process, has as many open streams as it may have."""


class StreamOver(Exception):
    """No more events will come."""


class Reader:
    """The events of one open page, in order."""

    def __init__(self, leave: Callable[[Reader], None]) -> None:
        self._queue: asyncio.Queue[StreamEvent | None] = asyncio.Queue()
        self._leave = leave

    def put(self, event: StreamEvent | None) -> None:
        """Hand over `event`; None ends the stream."""
        self._queue.put_nowait(event)

    async def next(self, pause: float) -> StreamEvent | None:
        """The next event, None when there is none for `pause` seconds; raises `StreamOver`."""
        try:
            async with asyncio.timeout(pause):
                event = await self._queue.get()
        except TimeoutError:
            return None
        if event is None:
            raise StreamOver
        return event

    def close(self) -> None:
        """Nobody reads any more."""
        self._leave(self)


@dataclass(slots=True)
class _Session:
    events: deque[StreamEvent] = field(default_factory=lambda: deque(maxlen=KEPT))
    readers: list[Reader] = field(default_factory=list)
    number: int = 0


class Streams:
    """The events of the sessions of this process."""

    def __init__(self) -> None:
        self._boot = secrets.token_hex(4)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._open = 0
        self._closed = False

    def publish(self, session_id: str, name: str, **facts: str | int) -> None:
        """Tell the open pages of a session, and those that come back soon."""
        session = self._session(session_id)
        session.number += 1
        event = StreamEvent(name, facts, f"{self._boot}-{session.number}")
        session.events.append(event)
        for reader in session.readers:
            reader.put(event)

    def open(self, session_id: str, last_id: str) -> Reader:
        """A reader of the events after `last_id`; close it. Raises `TooManyStreams`.

        It begins with a `reset` when it cannot be told what was missed.
        """
        session = self._session(session_id)
        if self._closed or len(session.readers) >= MOST_STREAMS or self._open >= MOST_IN_ALL:
            raise TooManyStreams
        reader = Reader(partial(self._leave, session))
        for event in _missed(session, last_id):
            reader.put(event)
        session.readers.append(reader)
        self._open += 1
        return reader

    def end(self, session_id: str, reason: str) -> None:
        """The session is over: its pages are told, and their streams end."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            for reader in session.readers:
                reader.put(StreamEvent("ended", {"reason": reason}))
                reader.put(None)

    def close(self) -> None:
        """The process stops serving: every stream ends; the pages come back by themselves."""
        self._closed = True
        for session in self._sessions.values():
            for reader in session.readers:
                reader.put(None)

    def _session(self, session_id: str) -> _Session:
        session = self._sessions.setdefault(session_id, _Session())
        self._sessions.move_to_end(session_id)
        while len(self._sessions) > MOST_SESSIONS:
            oldest = next(iter(self._sessions.values()))
            if oldest.readers:
                break
            self._sessions.popitem(last=False)
        return session

    def _leave(self, session: _Session, reader: Reader) -> None:
        if reader in session.readers:
            session.readers.remove(reader)
            self._open -= 1


def _missed(session: _Session, last_id: str) -> list[StreamEvent]:
    """What came after `last_id`; a first connection has missed nothing."""
    if not last_id:
        return []
    for place, event in enumerate(session.events):
        if event.id == last_id:
            return list(session.events)[place + 1 :]
    return [StreamEvent("reset", {})]
