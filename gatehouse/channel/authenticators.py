"""The endpoints with which people set up, name and remove their own second factors.

A change is asked for, then proven by a factor, and an authenticator that is added is active after its
first good answer. Nothing here takes a person from the request; what belongs to somebody else does not
exist. A secret is in one answer, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from gatehouse.channel import cookies, proofs, replies
from gatehouse.channel.body import only, text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.sending import Sending
from gatehouse.channel.services import Services
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.streams import Streams
from gatehouse.errors import InvalidInput
from gatehouse.stepup import ChallengeRefused
from gatehouse.stepup.authenticators import Authenticator
from gatehouse.stepup.delivered import AGAIN_IN
from gatehouse.stepup.own_factors import Change, LastFactor, Outcome, TooManyAuthenticators

ID = r"[0-9a-f]{32}"
NOTHING = "There is no such authenticator any more."
OVER = "Setting this up took too long, or it was begun somewhere else. Please start again."

_FIELDS = {
    "add": {"change", "kind", "name", "address"},
    "remove": {"change", "id", "anyway"},
    "recovery": {"change"},
}
_T = TypeVar("_T")


class OwnAuthenticators:
    """The endpoints of one deployment."""

    def __init__(
        self, services: Services, speakers: Speakers, streams: Streams, sending: Sending
    ) -> None:
        self._services = services
        self._own = services.own_factors
        self._speakers = speakers
        self._streams = streams
        self._sending = sending

    async def authenticators(self, request: Request) -> HTTPResponse:
        """GET /authenticators"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._own.of, speaker.person.id)
        sent_to = await asyncio.to_thread(self._own.sent_to, speaker.person.id)
        return json(
            {
                "authenticators": [self._shown(one, sent_to) for one in found.authenticators],
                "recovery_codes": found.recovery_left,
                "kinds": list(found.kinds),
                "first": found.first,
            }
        )

    async def change(self, request: Request) -> HTTPResponse:
        """POST /authenticators/changes"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        body = await self._speakers.body(request, *set().union(*_FIELDS.values()))
        wanted = _change(body)

        def ask() -> dict[str, Any]:
            challenge = self._own.ask(speaker.person, speaker.session.id, wanted)
            return proofs.shown(self._own.step_up, challenge, self._services.clock.now())

        return json({"challenge": await _tried(ask)})

    async def prove(self, request: Request, challenge_id: str) -> HTTPResponse:
        """POST /authenticators/changes/<challenge_id>"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        answer = proofs.read_answer(await self._speakers.body(request, "code", "assertion"))

        def prove() -> Outcome:
            return self._own.answer(
                speaker.person,
                speaker.session.id,
                challenge_id,
                answer,
                known_with=speaker.device.confirmed_with,
            )

        outcome = await _tried(prove)
        if outcome.enrolment is None:
            await self._announce(speaker)
        else:
            begun = outcome.enrolment
            first = partial(self._own.send_first, speaker.person, speaker.session.id)
            await self._sending.run(partial(first, begun["id"], begun["kind"]))
        return await self._remembered(speaker, json(_told(outcome)))

    async def deliver_change(self, request: Request, challenge_id: str) -> HTTPResponse:
        """POST /authenticators/changes/<challenge_id>/delivery"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        chosen = text_field(
            await self._speakers.body(request, "authenticator"), "authenticator", 32, ID
        )
        deliver = partial(self._own.deliver, speaker.session.id, challenge_id, chosen)
        return json({"sent_to": await proofs.sent(self._sending, deliver), "again_in": AGAIN_IN})

    async def call_off(self, request: Request, challenge_id: str) -> HTTPResponse:
        """DELETE /authenticators/changes/<challenge_id>"""
        speaker = await self._speakers.speaker(request)
        session = speaker.session.id
        if not await asyncio.to_thread(self._own.cancel, session, challenge_id):
            raise ApiError(404, "not_found", "There was nothing left to cancel.")
        return empty()

    async def confirm(self, request: Request, authenticator_id: str) -> HTTPResponse:
        """POST /authenticators/<authenticator_id>/confirmation"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        body = await self._speakers.body(request, "code", "credential")
        answer = proofs.read_answer(body, "credential")
        person, session = speaker.person, speaker.session.id
        kind = await asyncio.to_thread(self._own.pending_kind, person, session, authenticator_id)
        if not kind:
            raise ApiError(404, "not_found", OVER)

        def confirm() -> tuple[Authenticator, tuple[str, ...]]:
            return self._own.confirm(person, session, authenticator_id, kind, answer)

        made, codes = await _tried(confirm)
        await self._announce(speaker)
        sent_to = await asyncio.to_thread(self._own.sent_to, person.id)
        told: dict[str, Any] = {"authenticator": self._shown(made, sent_to)}
        return json({**told, "codes": list(codes)} if codes else told)

    async def rename(self, request: Request, authenticator_id: str) -> HTTPResponse:
        """POST /authenticators/<authenticator_id>/name"""
        speaker = await self._speakers.active(await self._speakers.speaker(request))
        name = text_field(await self._speakers.body(request, "name"), "name", 200)

        def rename() -> bool:
            return self._own.rename(speaker.person.id, authenticator_id, name)

        if not await _tried(rename):
            raise ApiError(404, "not_found", NOTHING)
        return empty()

    async def notices(self, request: Request) -> HTTPResponse:
        """GET /notices"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._services.notices.of, speaker.person.id)
        told = [
            {"id": one.id, "at": int(one.at), "text": replies.visible(one.text)} for one in found
        ]
        return json({"notices": told})

    async def dismiss(self, request: Request, notice_id: str) -> HTTPResponse:
        """DELETE /notices/<notice_id>"""
        speaker = await self._speakers.speaker(request)
        dismiss = self._services.notices.dismiss
        if not await asyncio.to_thread(dismiss, speaker.person.id, notice_id):
            raise ApiError(404, "not_found", "There is no such notice any more.")
        return empty()

    async def _announce(self, speaker: Speaker) -> None:
        """Tell every open page of the person that there is a notice."""
        find = self._services.sessions.of_person
        for session in await asyncio.to_thread(find, speaker.person.id):
            self._streams.publish(session.id, "notice")

    async def _remembered(self, speaker: Speaker, response: HTTPResponse) -> HTTPResponse:
        """`response`, and the browser known as one in which a good code was given."""
        find = self._services.step_up.authenticator_of
        if account := await asyncio.to_thread(find, speaker.person.id):
            username = speaker.person.username
            token = self._services.devices.issue(username, speaker.device, account)
            cookies.set_device(response, token)
        return response

    def _shown(self, one: Authenticator, sent_to: Mapping[str, str]) -> dict[str, Any]:
        return {
            "id": one.id,
            "kind": one.kind,
            "name": replies.visible(one.name),
            "created_at": int(one.created_at),
            "last_used_at": None if one.last_used_at is None else int(one.last_used_at),
            "level": self._own.level(one.kind),
            "suspended": one.suspended,
            **({"sent_to": sent_to[one.id]} if one.id in sent_to else {}),
        }


def _change(body: dict[str, Any]) -> Change:
    """The change that `body` asks for; raises `ApiError` 400."""
    what = text_field(body, "change", 16)
    if what not in _FIELDS:
        raise ApiError(400, "invalid", "There is no such change.")
    only(body, _FIELDS[what])
    if what == "remove":
        anyway = body.get("anyway", False)
        if not isinstance(anyway, bool):
            raise ApiError(400, "invalid", "anyway must be true or false.")
        return Change(what, id=text_field(body, "id", 32, ID), anyway=anyway)
    if what == "add":
        return Change(
            what,
            kind=text_field(body, "kind", 16),
            name=text_field(body, "name", 200) if "name" in body else "",
            address=text_field(body, "address", 254) if "address" in body else "",
        )
    return Change(what)


async def _tried(work: Callable[[], _T]) -> _T:
    """What `work` returns in a thread; its refusals as `ApiError`."""
    try:
        return await asyncio.to_thread(work)
    except ChallengeRefused as refusal:
        raise proofs.refused(refusal) from refusal
    except TooManyAuthenticators as error:
        raise ApiError(409, "too_many", error.message) from error
    except LastFactor as error:
        raise ApiError(409, "last_factor", error.message) from error
    except InvalidInput as error:
        raise ApiError(400, "invalid", error.message) from error


def _told(outcome: Outcome) -> dict[str, Any]:
    if outcome.enrolment is not None:
        return {"enrolment": dict(outcome.enrolment)}
    return {"codes": list(outcome.codes)} if outcome.codes else {"removed": outcome.removed}
