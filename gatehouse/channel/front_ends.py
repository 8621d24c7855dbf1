"""The endpoints of front ends that are no browser: to register, to get a token, to renew it, to end.

A token takes two layers: the key of the front end, and a second factor of its person at that moment, counted
together with every other code. It is short, bound to the key, and never has more than its person. What it
opens is in `token_speakers`; here nothing takes a person from a request but by proof.
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
from gatehouse.channel.front_end_desk import FrontEndDesk
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.signing_in import SigningIn
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.token_speakers import require_no_browser, unproven
from gatehouse.errors import InvalidInput
from gatehouse.identity.front_ends import (
    LEAST,
    FrontEndRefused,
    PublicKey,
    checked_scopes,
)

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session
    from gatehouse.identity.front_ends import FrontEnd

TOKEN_PATH = "/api/v1/token"
FRONT_ENDS_PATH = "/api/v1/front-ends"
KEYS_PATH = "/api/v1/front-ends/keys"
_ASSERTION = "client_assertion"
TOKENS_PER_MINUTE = 6  # of one front end from one address; codes change every 30 seconds
MOST_ASSERTION = 4096

NOT_HERE = "Front ends are not registered by people here. Please ask your administrator."
NO_TOKENS = "No access tokens are given here."


class FrontEndPages:
    """The endpoints of one deployment."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        speakers: Speakers,
        answers: Answers,
        signing_in: SigningIn,
        windows: Windows,
    ) -> None:
        self._services = services
        self._admission = admission
        self._speakers = speakers
        self._answers = answers
        self._signing_in = signing_in
        self._terms = services.settings.front_ends
        self._desk = FrontEndDesk(services, self._address(KEYS_PATH))
        limit = services.settings.limits.sign_ins_per_minute
        self._sources = windows.window(limit, what="tokens")
        self._tries = windows.window(TOKENS_PER_MINUTE, what="tokens")

    async def token(self, request: Request) -> HTTPResponse:
        """POST /token"""
        require_no_browser(request)
        source = self._admission.source(request)
        await self._speakers.admit(self._sources, source)
        body = await self._speakers.body(request, "client_assertion", "code", "scopes")
        assertion = text_field(body, "client_assertion", MOST_ASSERTION)
        code = proofs.read_answer(body)
        wanted = _scopes(body)
        if self._terms.registered_by == "nobody":
            raise ApiError(403, "front_ends_off", NO_TOKENS)
        front_end, key = await self._proven(assertion, source)
        await self._speakers.admit(self._tries, f"{front_end.id}\n{source}", front_end.person_id)
        token, session, person, ended = await asyncio.to_thread(
            self._desk.issue, front_end, key, code, wanted
        )
        for one in ended:
            self._answers.forget(one)
        return json(self._about(token, session, person))

    async def renew(self, request: Request) -> HTTPResponse:
        """POST /token/renewal"""
        speaker = await self._token_speaker(request)
        await self._speakers.body(request)
        token, session = await asyncio.to_thread(self._desk.renew, speaker)
        return json(self._about(token, session, speaker.person))

    async def register(self, request: Request) -> HTTPResponse:
        """POST /front-ends"""
        require_no_browser(request)
        source = self._admission.source(request)
        names = ("username", "password", "code", "name", "domain", "scopes", "key", _ASSERTION)
        try:
            body = await self._speakers.body(request, *names)
            username = text_field(body, "username", 128)
            password = text_field(body, "password", 256)
            code, key = proofs.read_answer(body), _key(body)
            name, domain = text_field(body, "name", 80), text_field(body, "domain", 120)
            scopes, assertion = _scopes(body) or LEAST, text_field(body, _ASSERTION, MOST_ASSERTION)
            if self._terms.registered_by != "people":
                raise ApiError(403, "front_ends_off", NOT_HERE)
        except ApiError:
            await self._speakers.stranger(source)
            raise
        person = await self._signing_in.person_of(username, password, source)
        where = self._address(FRONT_ENDS_PATH)
        prove = self._services.front_ends.prove_before
        try:
            await asyncio.to_thread(prove, assertion, key, person.username, domain, where)
        except FrontEndRefused as refused:
            raise unproven(refused) from refused
        made = await asyncio.to_thread(self._desk.register, person, code, name, domain, scopes, key)
        return json(self._shown(made), status=201)

    async def front_ends(self, request: Request) -> HTTPResponse:
        """GET /front-ends"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._services.front_ends.of_person, speaker.person.id)
        return json({"front_ends": [self._shown(one) for one in found]})

    async def end_front_end(self, request: Request, front_end_id: str) -> HTTPResponse:
        """DELETE /front-ends/<front_end_id>"""
        speaker = await self._speakers.speaker(request)
        for one in await asyncio.to_thread(self._desk.end, speaker, front_end_id):
            self._answers.forget(one)
        return empty()

    async def replace_key(self, request: Request) -> HTTPResponse:
        """POST /front-ends/keys"""
        speaker = await self._token_speaker(request)
        body = await self._speakers.body(request, "key", "client_assertion", "code")
        key, code = _key(body), proofs.read_answer(body)
        assertion = text_field(body, "client_assertion", MOST_ASSERTION)
        try:
            front_end = await asyncio.to_thread(self._desk.rotate, speaker, key, assertion, code)
        except FrontEndRefused as refused:
            raise unproven(refused) from refused
        return json(self._shown(front_end))

    async def _proven(self, assertion: str, source: str) -> tuple[FrontEnd, str]:
        try:
            return await asyncio.to_thread(
                self._services.front_ends.prove, assertion, self._address(TOKEN_PATH)
            )
        except FrontEndRefused as refused:
            await self._speakers.stranger(source)
            raise unproven(refused) from refused

    async def _token_speaker(self, request: Request) -> Speaker:
        speaker = await self._speakers.speaker(request)
        if speaker.session.terms is None:
            raise ApiError(403, "browser", "Only a front end with an access token does that.")
        return speaker

    def _about(self, token: str, session: Session, person: Person) -> dict[str, Any]:
        terms, now = session.terms, self._services.clock.now()
        assert terms is not None
        return {
            "access_token": token,
            "token_type": "DPoP",
            "expires_in": max(0, int(terms.until - now)),
            "renewable_for": max(0, int(terms.longest - now)),
            "scopes": sorted(terms.scopes),
            "person": {"name": person.display_name, "roles": sorted(person.roles)},
        }

    def _shown(self, front_end: FrontEnd) -> dict[str, Any]:
        used = front_end.last_used_at
        return {
            "id": front_end.id,
            "name": front_end.name,
            "domain": front_end.domain,
            "scopes": sorted(front_end.scopes),
            "created_at": int(front_end.created_at),
            "expires_at": int(front_end.expires_at),
            "last_used_at": None if used is None else int(used),
        }

    def _address(self, path: str) -> str:
        return self._services.settings.server.origin.rstrip("/") + path


def _key(body: dict[str, Any]) -> PublicKey:
    try:
        return PublicKey.of(body.get("key"))
    except InvalidInput as error:
        raise ApiError(
            400, "key", "key must be an Ed25519 or P-256 public JSON Web Key."
        ) from error


def _scopes(body: dict[str, Any]) -> tuple[str, ...]:
    """The scopes that `body` asks for; none when it says nothing of them."""
    if "scopes" not in body:
        return ()
    given = body["scopes"]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ApiError(400, "scope", "scopes must be a list of names.")
    try:
        return tuple(checked_scopes(given))
    except InvalidInput as error:
        raise ApiError(400, "scope", "A scope is not known, or none is named.") from error
