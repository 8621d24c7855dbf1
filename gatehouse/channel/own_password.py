"""The endpoint with which people change their own password.

It takes the password that they have and, from whoever has a second factor, that as well: otherwise somebody who
learned a password could lock its owner out. Every other session ends, and the person is told.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from gatehouse.channel import proofs
from gatehouse.channel.admission import Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.body import text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.signing_in import SigningIn
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.streams import Streams
from gatehouse.stepup import ChallengeRefused
from gatehouse.stepup.levels import USUAL
from gatehouse.stepup.own_factors import Change

if TYPE_CHECKING:
    from gatehouse.identity import Session

ID = r"[0-9a-f]{32}"
CHANGED = "Your password was changed. If that was not you, tell your administrator at once."


class OwnPassword:
    """The endpoint of one deployment."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        speakers: Speakers,
        signing_in: SigningIn,
        answers: Answers,
        streams: Streams,
    ) -> None:
        self._services = services
        self._own = services.own_factors
        self._admission = admission
        self._speakers = speakers
        self._signing_in = signing_in
        self._answers = answers
        self._streams = streams

    async def change_password(self, request: Request) -> HTTPResponse:
        """POST /password: asks for a second factor first, where there is one."""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        names = ("password", "new_password", "challenge", "code", "assertion")
        body = await self._speakers.body(request, *names)
        current = text_field(body, "password", 256)
        new = text_field(body, "new_password", 256)
        challenge_id = text_field(body, "challenge", 32, ID) if "challenge" in body else ""
        answer = proofs.read_answer(body) if challenge_id else None
        source = self._admission.source(request)
        await self._signing_in.check_password(speaker, current, new, source)
        try:
            asked = await asyncio.to_thread(self._proven, speaker, challenge_id, answer)
        except ChallengeRefused as refusal:
            raise proofs.refused(refusal) from refusal
        if asked is not None:
            return json({"challenge": asked})
        for one in await asyncio.to_thread(self._set, speaker, new):
            self._answers.forget(one)
        self._streams.publish(speaker.session.id, "notice")
        return empty()

    # Blocking parts, run in a thread

    def _proven(
        self, speaker: Speaker, challenge_id: str, answer: proofs.Answer | None
    ) -> dict[str, Any] | None:
        """What has to be answered first, None when it was or there is nothing to answer with."""
        person, session = speaker.person, speaker.session.id
        if answer is None:
            if not self._services.step_up.can_confirm(person.id, USUAL):  # a ticket is for a factor
                return None
            challenge = self._own.ask(person, session, Change("password"))
            return proofs.shown(self._own.step_up, challenge, self._services.clock.now())
        if self._own.waiting(session, challenge_id).values.get("change") != "password":
            raise ApiError(403, "unknown", "This was asked for something else.")
        known = speaker.device.confirmed_with
        self._own.answer(person, session, challenge_id, answer, known_with=known)
        return None

    def _set(self, speaker: Speaker, new: str) -> list[Session]:
        services, person = self._services, speaker.person
        others = [
            one for one in services.sessions.of_person(person.id) if one.id != speaker.session.id
        ]
        services.audit.append("password_changed", person=person.id, sessions=len(others))
        services.directory.set_password(person.id, new)
        services.sessions.close_others(speaker.session.id, person.id)
        for one in others:
            services.step_up.forget_session(one.id)
        services.notices.tell(person.id, CHANGED)
        return others
