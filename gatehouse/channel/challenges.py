"""The endpoints of step-up: what waits for a second factor, its code, and calling it off."""

from __future__ import annotations

from functools import partial

from sanic.request import Request
from sanic.response import HTTPResponse, json

from gatehouse.channel import proofs
from gatehouse.channel.answers import Answers
from gatehouse.channel.body import MESSAGE_ID, text_field
from gatehouse.channel.sending import Sending
from gatehouse.channel.services import Services
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.turns import Turns, new_message_id
from gatehouse.stepup.delivered import AGAIN_IN


class Challenges:
    """The endpoints of one deployment."""

    def __init__(
        self,
        services: Services,
        speakers: Speakers,
        answers: Answers,
        turns: Turns,
        sending: Sending,
    ) -> None:
        self._services = services
        self._sending = sending
        self._speakers = speakers
        self._answers = answers
        self._turns = turns

    async def challenge(self, request: Request) -> HTTPResponse:
        """GET /challenge"""
        speaker = await self._speakers.speaker(request)
        return json({"challenge": await self._turns.pending(speaker.session.conversation_id)})

    async def code(self, request: Request, challenge_id: str) -> HTTPResponse:
        """POST /challenges/<challenge_id>"""
        speaker = await self._speakers.speaker(request)
        body = await self._speakers.body(request, "id", "code", "assertion")
        message_id = new_message_id()
        if "id" in body:
            message_id = text_field(body, "id", 64, MESSAGE_ID)
        code = proofs.read_answer(body)
        return await self._answers.once(
            speaker,
            message_id,
            f"code\n{challenge_id}\n{proofs.content_of(code)}",
            lambda who: self._turns.answer(who, message_id, challenge_id, code),
        )

    async def deliver(self, request: Request, challenge_id: str) -> HTTPResponse:
        """POST /challenges/<challenge_id>/delivery"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        body = await self._speakers.body(request, "authenticator")
        chosen = text_field(body, "authenticator", 32, r"[0-9a-f]{32}")
        session = speaker.session
        deliver = partial(
            self._services.step_up.deliver,
            challenge_id,
            session.id,
            session.conversation_id,
            chosen,
        )
        return json({"sent_to": await proofs.sent(self._sending, deliver), "again_in": AGAIN_IN})

    async def cancel(self, request: Request, challenge_id: str) -> HTTPResponse:
        """DELETE /challenges/<challenge_id>"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        return self._answers.reply(speaker, await self._turns.cancel(speaker, challenge_id))
