"""Sign-in at the organisation's OpenID Connect provider, as browsers and the provider see it.

`/sign-in` sends a browser there, `/sign-in/return` takes it back, `/sign-in/out` signs out there, and
`/sign-in/logout` is called by the provider when somebody signed out or was signed out there. A browser only
ever goes on to the provider or to the chat page: no address of a request is followed, and what went
wrong is one of four fixed words in the fragment, which no server sees.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json, redirect

from gatehouse.channel import cookies
from gatehouse.channel.admission import Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.body import read_form
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.signing_in import SigningIn
from gatehouse.channel.speakers import Speakers
from gatehouse.errors import GatehouseError
from gatehouse.identity import SessionEnded
from gatehouse.identity.directory import NOBODY
from gatehouse.identity.provider.errors import ProviderRefused, ProviderUnavailable
from gatehouse.identity.provider.flows import AFTER_PATH, LIFETIME
from gatehouse.logs import get_logger, place_of

if TYPE_CHECKING:
    from gatehouse.identity import Session
    from gatehouse.identity.provider.service import ProviderSignIn, SignedIn

log = get_logger(__name__)

LARGEST = 64 * 1024  # bytes of a logout token
LOGOUTS_PER_MINUTE = 240  # of one address
AT_ONCE = 4  # sign-ins that wait for the provider
ANSWER = ("code", "state", "iss", "error")
_SHOWN = {"denied": "cancelled", "flow": "expired", "replayed": "expired"}


class ProviderPages:
    """The addresses of one deployment; without a provider there is nothing at any of them."""

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
        self._logouts = windows.window(LOGOUTS_PER_MINUTE, what="logouts")
        self._waiting = asyncio.Semaphore(AT_ONCE)

    async def begin_there(self, request: Request) -> HTTPResponse:
        """GET /sign-in"""
        provider = self._provider()
        self._admission.check_origin(request)  # no other site begins it
        # Coming back counts as the attempt: a whole office may share one address.
        await self._speakers.stranger(self._admission.source(request))
        try:
            async with self._waiting:
                url, flow = await asyncio.to_thread(self._begin, provider, request)
        except GatehouseError as error:
            log.error("the provider of sign-in does not answer", error=place_of(error))
            return _to_chat("unavailable")
        response = redirect(url, status=303)
        cookies.set_flow(response, flow, int(LIFETIME))
        return response

    async def return_from_there(self, request: Request) -> HTTPResponse:
        """GET /sign-in/return"""
        provider = self._provider()
        await self._signing_in.count(self._admission.source(request))
        if request.headers.get("sec-fetch-dest", "document") != "document":
            raise ApiError(403, "origin", "This request comes from another site.")
        try:
            async with self._waiting:
                token, signed_in = await asyncio.to_thread(self._finish, provider, request)
        except ProviderRefused as refused:
            await asyncio.to_thread(self._refused, refused)
            response = _to_chat(_SHOWN.get(refused.reason, "refused"))
        except ProviderUnavailable as error:
            log.error("the provider of sign-in does not answer", error=place_of(error))
            response = _to_chat("unavailable")
        else:
            response = redirect(AFTER_PATH, status=303)
            self._signing_in.hand_over(request, response, token, signed_in.person)
        cookies.drop_flow(response)
        return response

    async def sign_out_there(self, request: Request) -> HTTPResponse:
        """GET /sign-in/out"""
        provider = self._provider()
        self._admission.check_origin(request)
        await self._speakers.stranger(self._admission.source(request))
        try:
            async with self._waiting:
                url = await asyncio.to_thread(provider.client.sign_out_url)
        except GatehouseError as error:
            log.error("the provider of sign-in does not answer", error=place_of(error))
            url = ""
        return redirect(url or AFTER_PATH, status=303)

    async def signed_out_there(self, request: Request) -> HTTPResponse:
        """POST /sign-in/logout: OpenID Connect Back-Channel Logout 1.0 section 2.5."""
        provider = self._provider()
        await self._speakers.admit(self._logouts, self._admission.source(request))
        form = await read_form(request, LARGEST)
        ended: list[Session] = []
        try:
            async with self._waiting:
                await asyncio.to_thread(
                    provider.logout, form.get("logout_token"), lambda ids: self._end(ids, ended)
                )
        except ProviderRefused:
            request.ctx.refused = "logout_token"
            return json({"error": "invalid_request"}, status=400)
        finally:
            for session in ended:
                self._answers.forget(session)
        return empty(status=200)

    def _provider(self) -> ProviderSignIn:
        provider = self._services.provider
        if provider is None:
            raise ApiError(404, "not_found", "There is nothing at this address.")
        return provider

    # Blocking parts, run in a thread

    def _begin(self, provider: ProviderSignIn, request: Request) -> tuple[str, str]:
        # The cookie is Strict: it does not come back from the provider together with the browser.
        token, replaces = request.cookies.get(cookies.SESSION), ""
        if token:
            with suppress(SessionEnded):
                replaces = self._services.sessions.resolve(token).id
        return provider.begin(replaces)

    def _finish(self, provider: ProviderSignIn, request: Request) -> tuple[str, SignedIn]:
        signed_in = provider.finish(_answer(request), request.cookies.get(cookies.FLOW))
        token, session = self._signing_in.open(
            request,
            signed_in.person,
            by="provider",
            aal=signed_in.aal,
            aal_at=signed_in.aal_at,
            replaces=signed_in.replaces,
        )
        try:
            provider.links.opened(
                session.id, signed_in.profile.subject, signed_in.profile.provider_session
            )
        except BaseException:
            # One that the provider could not end must not be.
            self._services.sessions.close(session.id)
            raise
        return token, signed_in

    def _refused(self, refused: ProviderRefused) -> None:
        """Record it; whom the provider takes the last role from has no session left either."""
        person = refused.person_id
        self._services.audit.append(
            "sign_in_refused", person=person or NOBODY, reason=f"provider_{refused.reason}"
        )
        if person and refused.reason in ("roles", "disabled"):
            ended: list[Session] = []
            self._end(tuple(one.id for one in self._services.sessions.of_person(person)), ended)

    def _end(self, session_ids: tuple[str, ...], ended: list[Session]) -> None:
        services = self._services
        for session_id in session_ids:
            try:
                session = services.sessions.get(session_id)
            except SessionEnded:
                continue
            if services.sessions.close(session_id):
                services.step_up.forget_session(session_id)
                ended.append(session)
                self._speakers.ended(session, "provider")


def _answer(request: Request) -> dict[str, str]:
    """What the browser brings; something said twice is not said."""
    named = {name: request.args.getlist(name, []) for name in ANSWER}
    return {name: values[0] for name, values in named.items() if len(values) == 1}


def _to_chat(problem: str) -> HTTPResponse:
    return redirect(f"{AFTER_PATH}#sign-in={problem}", status=303)
