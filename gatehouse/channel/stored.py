"""The endpoints with which people see what is stored about them, and ask for it or for its end.

What leaves or is erased goes through the conversation like anything else that is said: the policies
decide, a second factor confirms, the log has its entry. There is no second way around them here.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from sanic.request import Request
from sanic.response import HTTPResponse, json

from gatehouse.channel.answers import Answers
from gatehouse.channel.body import MESSAGE_ID, text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the page may ask for: the intent that the policies know, and what stands in the conversation.
REQUESTS: Mapping[str, tuple[str, str]] = {
    "export": ("export_stored_data", "Give me a copy of what is stored about me"),
    "erase": ("erase_stored_data", "Erase what is stored about me"),
}


class Stored:
    """The endpoints of one deployment."""

    def __init__(
        self, services: Services, speakers: Speakers, answers: Answers, turns: Turns
    ) -> None:
        self._services = services
        self._speakers = speakers
        self._answers = answers
        self._turns = turns

    async def stored(self, request: Request) -> HTTPResponse:
        """GET /stored"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._services.rights.stored, speaker.person.id)
        known = self._services.policies.current().intents
        offered = [name for name, (intent, _) in REQUESTS.items() if intent in known]
        return json({**found, "requests": offered})

    async def ask(self, request: Request) -> HTTPResponse:
        """POST /requests"""
        speaker = await self._speakers.speaker(request)
        body = await self._speakers.body(request, "id", "request")
        message_id = text_field(body, "id", 64, MESSAGE_ID)
        wanted = text_field(body, "request", 16)
        intent, words = REQUESTS.get(wanted, ("", ""))
        if not intent or intent not in self._services.policies.current().intents:
            raise ApiError(400, "invalid", "This request is not known here.")
        turn = partial(self._turns.ask, message_id=message_id, intent=intent, words=words)
        return await self._answers.once(speaker, message_id, f"request\n{wanted}", turn)
