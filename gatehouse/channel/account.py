"""The endpoints with which people look after their own sign-in.

Nothing here takes a person or a session from the request but by an id that is compared with the
speaker's own; what belongs to somebody else does not exist.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from gatehouse.channel import cookies
from gatehouse.channel.answers import Answers
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers

if TYPE_CHECKING:
    from gatehouse.identity import Session

NO_SESSION = "There is no such session any more."


class Account:
    """The endpoints of one deployment; `answers` forget what ended."""

    def __init__(self, services: Services, speakers: Speakers, answers: Answers) -> None:
        self._services = services
        self._speakers = speakers
        self._answers = answers

    async def sessions(self, request: Request) -> HTTPResponse:
        """GET /sessions"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._services.sessions.of_person, speaker.person.id)
        return json({"sessions": [self._shown(one, speaker) for one in found]})

    async def end_session(self, request: Request, session_id: str) -> HTTPResponse:
        """DELETE /sessions/<session_id>"""
        speaker = await self._speakers.speaker(request)
        ended = await asyncio.to_thread(self._end, speaker, session_id)
        if not ended:
            raise ApiError(404, "not_found", NO_SESSION)
        return self._gone(speaker, ended)

    async def end_sessions(self, request: Request) -> HTTPResponse:
        """DELETE /sessions"""
        speaker = await self._speakers.speaker(request)
        return self._gone(speaker, await asyncio.to_thread(self._end, speaker, None))

    def _shown(self, session: Session, speaker: Speaker) -> dict[str, Any]:
        return {
            "id": session.id,
            "browser": session.browser,
            "started_at": int(session.started_at),
            "last_seen_at": int(session.last_seen_at),
            "current": session.id == speaker.session.id,
        }

    def _gone(self, speaker: Speaker, ended: list[Session]) -> HTTPResponse:
        response = empty()
        for one in ended:
            self._answers.forget(one)
            if one.id == speaker.session.id:
                cookies.drop_session(response)
        return response

    def _end(self, speaker: Speaker, session_id: str | None) -> list[Session]:
        """End one of the speaker's sessions, or all; those that were open. Blocks."""
        services, person = self._services, speaker.person.id
        ended = []
        for one in services.sessions.of_person(person):
            if session_id in (None, one.id) and services.sessions.close(one.id):
                services.step_up.forget_session(one.id)
                ended.append(one)
        if ended:
            extent = "everywhere" if session_id is None else "one"
            services.audit.append("sign_out", person=person, extent=extent, sessions=len(ended))
        return ended
