"""The endpoint of downloads: a ticket is good once, for the person and the session it was made for."""

from __future__ import annotations

import asyncio
from json import dumps

from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.turns import Turns
from gatehouse.identity.exports import Ticket, TicketRefused
from gatehouse.tracker.export_page import page

NO_TICKET = "This download link is used or expired."


class Downloads:
    """The endpoint of one deployment."""

    def __init__(self, services: Services, speakers: Speakers, turns: Turns) -> None:
        self._services = services
        self._speakers = speakers
        self._turns = turns

    async def export(self, request: Request, ticket: str) -> HTTPResponse:
        """GET /exports/<ticket>"""
        speaker = await self._speakers.speaker(request)
        taken = await asyncio.to_thread(self._take_ticket, speaker, ticket)
        if taken.what == "receipt":
            return _attachment(taken.content, "erasure-receipt.json", "application/json")
        document = await self._turns.export(speaker)
        if taken.what == "page":
            zone = self._services.settings.policy.time_zone
            return _attachment(page(document, zone).encode(), "my-data.html", "text/html")
        content = dumps(document, indent=2, ensure_ascii=False).encode()
        return _attachment(content, "my-data.json", "application/json")

    def _take_ticket(self, speaker: Speaker, ticket: str) -> Ticket:
        try:
            taken = self._services.exports.take(ticket, speaker.session.id)
        except TicketRefused as refused:
            raise ApiError(404, "ticket", NO_TICKET) from refused
        if taken.person_id != speaker.person.id:
            raise ApiError(404, "ticket", NO_TICKET)
        if taken.what != "receipt":
            self._services.audit.append("export", person=taken.person_id, form=taken.what)
        return taken


def _attachment(content: bytes, name: str, kind: str) -> HTTPResponse:
    return raw(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
