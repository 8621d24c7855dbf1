"""The endpoints of the conversation: say something, press a button, read it again, destroy it.

They only read requests and write responses; what a turn does is in `turns`.
"""

from __future__ import annotations

from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse, json

from gatehouse.channel.answers import Answers
from gatehouse.channel.body import MESSAGE_ID, text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.text import TextTooLong, normalise
from gatehouse.channel.turns import Turns

TOKEN = r"[A-Za-z0-9_.:-]{1,128}"


class Messages:
    """The endpoints of one deployment."""

    def __init__(
        self, services: Services, speakers: Speakers, answers: Answers, turns: Turns
    ) -> None:
        self._most = services.settings.limits.text
        self._speakers = speakers
        self._answers = answers
        self._turns = turns

    async def message(self, request: Request) -> HTTPResponse:
        """POST /messages"""
        speaker = await self._speakers.speaker(request)
        body = await self._speakers.body(request, "id", "text")
        message_id = text_field(body, "id", 64, MESSAGE_ID)
        text = self._text(body)
        return await self._answers.once(
            speaker, message_id, f"text\n{text}", lambda who: self._turns.say(who, message_id, text)
        )

    async def button(self, request: Request) -> HTTPResponse:
        """POST /buttons"""
        speaker = await self._speakers.speaker(request)
        body = await self._speakers.body(request, "id", "button")
        message_id = text_field(body, "id", 64, MESSAGE_ID)
        chosen = text_field(body, "button", 64, TOKEN)
        return await self._answers.once(
            speaker,
            message_id,
            f"button\n{chosen}",
            lambda who: self._turns.press(who, message_id, chosen),
        )

    async def history(self, request: Request) -> HTTPResponse:
        """GET /history"""
        speaker = await self._speakers.speaker(request)
        messages = await self._turns.past(speaker)
        challenge = await self._turns.pending(speaker.session.conversation_id)
        return json({"messages": messages, "challenge": challenge})

    async def clear(self, request: Request) -> HTTPResponse:
        """DELETE /conversation"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        reply = await self._turns.clear(speaker)
        self._answers.cleared(speaker.session)
        return self._answers.reply(speaker, reply)

    def _text(self, body: dict[str, Any]) -> str:
        limit = self._most
        given = body.get("text")
        if not isinstance(given, str):
            raise ApiError(400, "invalid", "text must be text.")
        try:
            text = normalise(given, limit)
        except TextTooLong as error:
            raise ApiError(
                400, "too_long", f"A message can have {limit} characters at most.", limit=limit
            ) from error
        if not text:
            raise ApiError(400, "empty", "The message has no text.")
        return text
