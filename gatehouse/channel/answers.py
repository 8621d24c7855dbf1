"""Answers to what a person says, presses or confirms: each request is handled once.

Counts turns against their limits, runs each message id once however often it is sent, and tells
the other open pages of the session that something is going on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sanic.response import HTTPResponse, json

from gatehouse.channel import cookies
from gatehouse.channel.repeats import Repeats
from gatehouse.channel.replies import Reply
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.streams import Streams
from gatehouse.channel.turns import Turns

if TYPE_CHECKING:
    from gatehouse.identity import Session


class Answers:
    """Answers the turns of one deployment."""

    def __init__(
        self,
        services: Services,
        speakers: Speakers,
        turns: Turns,
        windows: Windows,
        streams: Streams,
    ) -> None:
        self._services = services
        self._speakers = speakers
        self._turns = turns
        self._streams = streams
        self._repeats = Repeats(services.clock)
        limit = services.settings.limits.messages_per_minute
        self._messages = windows.window(limit, what="messages")

    async def once(
        self,
        speaker: Speaker,
        message_id: str,
        content: str,
        turn: Callable[[Speaker], Any],
    ) -> HTTPResponse:
        """Run `turn` unless this message was handled already; count it against the limits."""
        if not self._repeats.known(speaker.session.id, message_id):
            await self._speakers.admit(self._messages, speaker.person.id, speaker.person.id)
        speaker = await self._speakers.active(speaker)
        tell = partial(self._streams.publish, speaker.session.id, id=message_id)
        reply = await self._repeats.once(
            speaker.session.id, message_id, content, partial(_told, tell, turn, speaker)
        )
        return self.reply(speaker, reply)

    def reply(self, speaker: Speaker, reply: Reply) -> HTTPResponse:
        """`reply` for the page of `speaker`, and the time its session has left."""
        response = json({**reply.as_json(), **self._speakers.expiry(speaker.session)})
        if reply.confirmed_with and speaker.session.terms is None:
            username = speaker.person.username
            token = self._services.devices.issue(username, speaker.device, reply.confirmed_with)
            cookies.set_device(response, token)
        return response

    def cleared(self, session: Session) -> None:
        """The conversation of `session` was destroyed: answers kept for a repeat go as well."""
        self._repeats.forget(session.id)
        self._streams.publish(session.id, "turn", id="clear")

    def forget(self, session: Session) -> None:
        """Drop what is kept in memory about a session that ended."""
        self._repeats.forget(session.id)
        self._turns.forget(session.conversation_id)
        self._streams.end(session.id, "signed_out")


async def _told(
    tell: Callable[..., None], turn: Callable[[Speaker], Any], speaker: Speaker
) -> Reply:
    """`turn`, with its beginning and its end told to the open pages of the session."""
    tell("typing")
    try:
        reply: Reply = await turn(speaker)
    finally:
        tell("turn")
    return reply
