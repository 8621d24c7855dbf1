"""The endpoints of front ends that are no browser: to register, to get a token, to renew it, to end.

A token takes two layers: the key of the front end, and a second factor of its person at that moment, counted
together with every other code. It is short, bound to the key, and never has more than its person. What it
opens is in `token_speakers`; here nothing takes a person from a request but by proof.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from gatehouse.channel import proofs
from gatehouse.channel.admission import Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.body import text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.signing_in import CHOOSE_PASSWORD, SigningIn
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.token_speakers import require_no_browser, unproven
from gatehouse.channel.turns import Speaker
from gatehouse.errors import InvalidInput
from gatehouse.identity.front_ends import (
    LEAST,
    FrontEndRefused,
    PublicKey,
    Terms,
    checked_scopes,
)
from gatehouse.stepup import ChallengeRefused

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
NO_FRONT_END = "There is no such front end any more."


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
            self._issue, front_end, key, code, wanted
        )
        for one in ended:
            self._answers.forget(one)
        return json(self._about(token, session, person))

    async def renew(self, request: Request) -> HTTPResponse:
        """POST /token/renewal"""
        speaker = await self._token_speaker(request)
        await self._speakers.body(request)
        token, session = await asyncio.to_thread(self._renew, speaker)
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
        made = await asyncio.to_thread(self._register, person, code, name, domain, scopes, key)
        return json(self._shown(made), status=201)

    async def front_ends(self, request: Request) -> HTTPResponse:
        """GET /front-ends"""
        speaker = await self._speakers.speaker(request)
        found = await asyncio.to_thread(self._services.front_ends.of_person, speaker.person.id)
        return json({"front_ends": [self._shown(one) for one in found]})

    async def end_front_end(self, request: Request, front_end_id: str) -> HTTPResponse:
        """DELETE /front-ends/<front_end_id>"""
        speaker = await self._speakers.speaker(request)
        for one in await asyncio.to_thread(self._end, speaker, front_end_id):
            self._answers.forget(one)
        return empty()

    async def replace_key(self, request: Request) -> HTTPResponse:
        """POST /front-ends/keys"""
        speaker = await self._token_speaker(request)
        body = await self._speakers.body(request, "key", "client_assertion", "code")
        key, code = _key(body), proofs.read_answer(body)
        assertion = text_field(body, "client_assertion", MOST_ASSERTION)
        try:
            front_end = await asyncio.to_thread(self._rotate, speaker, key, assertion, code)
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

    # Blocking parts, run in a thread

    def _issue(
        self, front_end: FrontEnd, key: str, code: proofs.Answer, wanted: tuple[str, ...]
    ) -> tuple[str, Session, Person, list[Session]]:
        services = self._services
        person = services.directory.get(front_end.person_id)
        if person is None or person.disabled:
            raise self._refused(
                front_end, "account_closed", ApiError(401, "front_end", NO_FRONT_END)
            )
        if person.must_change_password:
            choose = ApiError(403, "initial_password", CHOOSE_PASSWORD)
            raise self._refused(front_end, "initial_password", choose)
        scopes = frozenset(wanted or LEAST)
        if not scopes <= front_end.scopes:
            beyond = ApiError(403, "scope", "This front end may not have these scopes.")
            raise self._refused(front_end, "scope", beyond)
        self._confirm(person, front_end, code, "access_token", {"scopes": " ".join(sorted(scopes))})
        now = services.clock.now()
        longest = min(now + self._terms.session, front_end.expires_at)
        until = min(now + self._terms.token, longest)
        terms = Terms(front_end.id, key, scopes, until, longest)
        # Before it counts; whoever has one token of a front end has no use for two.
        services.audit.append(
            "token_issued", person=person.id, front_end=front_end.id, scopes=sorted(scopes)
        )
        ended = self._close_tokens(front_end)
        token, session = services.sessions.open_token(person, terms, front_end.name)
        services.conversations.started(session.conversation_id, person.id)
        authenticator = services.step_up.authenticator_of(person.id)
        services.front_ends.confirmed(front_end.id, authenticator)
        return token, session, person, ended

    def _renew(self, speaker: Speaker) -> tuple[str, Session]:
        services, terms = self._services, speaker.session.terms
        assert terms is not None
        now = services.clock.now()
        until = min(now + self._terms.token, terms.longest)
        if until <= now + 1:
            raise ApiError(403, "renewal", "This token cannot be renewed any more. Get a new one.")
        services.audit.append(
            "token_issued",
            person=speaker.person.id,
            front_end=terms.front_end,
            scopes=sorted(terms.scopes),
            renewed=True,
        )
        return services.sessions.renew_token(speaker.session.id, replace(terms, until=until))

    def _register(
        self,
        person: Person,
        code: proofs.Answer,
        name: str,
        domain: str,
        scopes: tuple[str, ...],
        key: PublicKey,
    ) -> FrontEnd:
        services = self._services
        said = {"name": name, "domain": domain, "scopes": " ".join(sorted(scopes))}
        self._prove(person, code, "register_front_end", said)
        try:
            services.audit.append(
                "administration",
                operation="front_end.register",
                person=person.id,
                by="person",
                scopes=sorted(checked_scopes(scopes)),
            )
            made = services.front_ends.register(
                person.id, name, domain, scopes, key, self._terms.key
            )
        except InvalidInput as error:
            raise ApiError(
                400, "invalid", f"{error.message[:1].upper()}{error.message[1:]}."
            ) from error
        services.notices.tell(person.id, made.told("was registered for your account"))
        return made

    def _rotate(
        self, speaker: Speaker, key: PublicKey, assertion: str, code: proofs.Answer
    ) -> FrontEnd:
        services, terms = self._services, speaker.session.terms
        assert terms is not None
        front_end = services.front_ends.get(terms.front_end)
        if front_end is None:
            raise FrontEndRefused("front_end")
        services.front_ends.prove_possession(assertion, key, front_end, self._address(KEYS_PATH))
        self._confirm(speaker.person, front_end, code, "front_end_key", {"key": key.id})
        services.audit.append(
            "administration",
            operation="front_end.rotate",
            person=speaker.person.id,
            by="person",
            front_end=front_end.id,
        )
        try:
            services.front_ends.rotate(front_end.id, key, self._terms.overlap)
        except InvalidInput as error:
            raise ApiError(
                400, "invalid", f"{error.message[:1].upper()}{error.message[1:]}."
            ) from error
        services.notices.tell(speaker.person.id, front_end.told("has a new key"))
        return front_end

    def _end(self, speaker: Speaker, front_end_id: str) -> list[Session]:
        """Revoke one of the speaker's front ends; its sessions. A front end ends itself only."""
        services, terms = self._services, speaker.session.terms
        found = services.front_ends.get(front_end_id)
        foreign = found is None or found.person_id != speaker.person.id
        if found is None or foreign or (terms is not None and terms.front_end != front_end_id):
            raise ApiError(404, "not_found", NO_FRONT_END)
        services.audit.append(
            "administration",
            operation="front_end.revoke",
            person=speaker.person.id,
            by="person",
            front_end=front_end_id,
        )
        services.front_ends.revoke(front_end_id)
        return self._close_tokens(found)

    def _close_tokens(self, front_end: FrontEnd) -> list[Session]:
        services, ended = self._services, []
        for one in services.sessions.of_person(front_end.person_id):
            mine = one.terms is not None and one.terms.front_end == front_end.id
            if mine and services.sessions.close(one.id):
                services.step_up.forget_session(one.id)
                ended.append(one)
        return ended

    def _confirm(
        self,
        person: Person,
        front_end: FrontEnd,
        code: proofs.Answer,
        purpose: str,
        said: dict[str, str],
    ) -> None:
        """`_prove`, in a front end that the person's codes were good in before."""
        bound = {"front_end": front_end.id, "domain": front_end.domain, **said}
        try:
            self._prove(person, code, purpose, bound, front_end.confirmed_with)
        except ApiError as error:
            raise self._refused(front_end, error.code, error) from error

    def _prove(
        self,
        person: Person,
        code: proofs.Answer,
        purpose: str,
        said: dict[str, str],
        known_with: str = "",
    ) -> None:
        """Raise `ApiError` unless `code` is good now; it is used up, for this purpose alone."""
        try:
            self._services.step_up.prove(person.id, code, purpose, said, known_with=known_with)
        except ChallengeRefused as refused:
            raise proofs.refused(refused) from refused

    def _refused(self, front_end: FrontEnd, reason: str, error: ApiError) -> ApiError:
        self._services.audit.append(
            "token_refused", person=front_end.person_id, front_end=front_end.id, reason=reason
        )
        return error

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
