"""Server-sent events: one open response per page, ended when its session is.

The session is looked at again with every pause, so that a stream does not outlive a sign-out, a
disabled account or an idle session; watching it does not keep the session alive.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from sanic.request import Request

from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.streams import Reader, StreamEvent, StreamOver, Streams, TooManyStreams
from gatehouse.identity import SessionEnded

if TYPE_CHECKING:
    from gatehouse.identity import Session

PAUSE = 10.0  # seconds between two looks at the session
LONGEST = 3600.0  # seconds; the page then comes back by itself
WARN = 120  # seconds before the end of a session
RETRY = b"retry: 3000\n\n"
BEAT = b": still here\n\n"


class EventStream:
    """Follows the events of a session into an open response."""

    def __init__(self, services: Services, speakers: Speakers, streams: Streams) -> None:
        self._services = services
        self._speakers = speakers
        self._streams = streams

    async def events(self, request: Request) -> None:
        """GET /events"""
        speaker = await self._speakers.speaker(request)
        await self._send(request, speaker.session)

    async def _send(self, request: Request, session: Session) -> None:
        """Answer `request` with the events of `session` until one of them ends; raises `ApiError`."""
        last_id = request.headers.get("last-event-id", "")[:64]
        try:
            reader = self._streams.open(session.id, last_id)
        except TooManyStreams as error:
            raise ApiError(
                429, "streams", "This conversation is open in too many windows.", retry_after=30
            ) from error
        if request.stream is not None:
            request.stream.keep_alive = False  # nothing follows on this connection
        try:
            response: Any = await request.respond(
                content_type="text/event-stream; charset=utf-8",
                headers={"X-Accel-Buffering": "no"},
            )
            await response.send(RETRY)
            with contextlib.suppress(StreamOver):
                await self._follow(reader, response, session)
            await response.eof()
        finally:
            reader.close()

    async def _follow(self, reader: Reader, response: Any, session: Session) -> None:
        now = asyncio.get_running_loop().time
        until, warned = now() + LONGEST, False
        while now() < until:
            event = await reader.next(PAUSE)
            if event is not None:
                await response.send(event.encoded())
                continue
            event = await asyncio.to_thread(self._look, session.id)
            if event.name == "expiring" and warned:
                await response.send(BEAT)
                continue
            warned = event.name == "expiring"
            await response.send(event.encoded() if event.name != "fine" else BEAT)
            if event.name == "ended":
                return

    def _look(self, session_id: str) -> StreamEvent:
        """What is to be said of the session now: `fine`, `expiring` or `ended`. Blocks."""
        try:
            session = self._services.sessions.get(session_id)
        except SessionEnded as ended:
            return StreamEvent("ended", {"reason": ended.reason})
        person = self._services.directory.get(session.person_id)
        if person is None or person.disabled:
            return StreamEvent("ended", {"reason": "signed_out"})
        end = self._speakers.expiry(session)
        return StreamEvent("expiring" if int(end["expires_in"]) <= WARN else "fine", end)
