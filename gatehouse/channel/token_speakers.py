"""Whom a request with an access token comes from (RFC 9449).

A front end is no browser: a request that shows a sign of one (cookies, `Origin`, `Sec-Fetch-…`) is refused
before its token is looked at, so that no page of any site can use a token, and no request can be both.
A token alone is worth nothing: every request carries a proof, good once, of the key that the token is
bound to. What an endpoint needs is listed in `NEEDED`; a token opens no other.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from sanic.request import Request

from gatehouse.channel.admission import Admission, network_zone
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.speaker import Speaker
from gatehouse.identity import SessionEnded
from gatehouse.identity.devices import Device
from gatehouse.identity.front_ends import FrontEndRefused
from gatehouse.logs import get_logger

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session
    from gatehouse.identity.front_ends import FrontEnd

log = get_logger(__name__)

ANY = ""
NEEDED: Mapping[str, str] = {
    "signing_in.session": ANY,
    "signing_in.sign_out": ANY,
    "front_ends.renew": ANY,
    "front_ends.replace_key": ANY,
    "front_ends.end_front_end": ANY,  # itself only
    "messages.message": "chat",
    "messages.button": "chat",
    "stored.ask": "chat",
    "challenges.challenge": "chat",
    "challenges.code": "chat",
    "challenges.cancel": "chat",
    "messages.clear": "chat",
    "events.events": "chat",
    "messages.history": "history",
    "stored.stored": "export",
    "downloads.export": "export",
}
"""The scope that each endpoint needs, by part and name; every other is closed to tokens."""

UNPROVEN = "This front end could not prove itself."

_CREDENTIALS = re.compile(r"DPoP ([A-Za-z0-9_-]{43})", re.IGNORECASE)
_SIGNS = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "cookie")


def shows_token(request: Request) -> bool:
    """Whether `request` says that it comes from a front end instead of a browser."""
    return "authorization" in request.headers or "dpop" in request.headers


def require_no_browser(request: Request) -> None:
    """Raises `ApiError` 403 when `request` bears a sign of a browser."""
    if any(name in request.headers for name in _SIGNS):
        raise ApiError(403, "browser", "Access tokens are not for browsers: no cookies, no Origin.")


class TokenSpeakers:
    """Resolves who speaks through the front ends of one deployment; `count` counts a request of a
    session, `stranger` one that shows no good token."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        shedding: Shedding,
        count: Callable[[str, str], Awaitable[None]],
        stranger: Callable[[str], Awaitable[None]],
    ) -> None:
        self._services = services
        self._admission = admission
        self._shedding = shedding
        self._count = count
        self._stranger = stranger

    async def speaker(self, request: Request) -> Speaker:
        """Who sends `request`; raises `ApiError` 401, 403 or `TooMany`."""
        require_no_browser(request)
        source = self._admission.source(request)
        try:
            token, proof = _shown(request)
            session, person, front_end = await asyncio.to_thread(
                self._resolve, request, token, proof
            )
        except FrontEndRefused as refused:
            await self._stranger(source)
            raise unproven(refused) from refused
        except SessionEnded as ended:
            self._shedding.forget(token)
            await self._stranger(source)
            raise ApiError(401, "signed_out", ended.message, reason=ended.reason) from ended
        self._shedding.good(token)
        await self._count(session.id, person.id)
        _require_scope(request, session, front_end)
        device = Device("", front_end.confirmed_with)
        return Speaker(session, person, network_zone(source), device)

    def _resolve(
        self, request: Request, token: str, proof: str
    ) -> tuple[Session, Person, FrontEnd]:
        services = self._services
        session = services.sessions.resolve_token(token)
        assert session.terms is not None  # an access token always has them
        address = services.settings.server.origin.rstrip("/") + request.path
        front_end = services.front_ends.check(session.terms, proof, request.method, address, token)
        person = services.directory.get(session.person_id)
        if person is None or person.disabled or front_end.person_id != session.person_id:
            if services.sessions.close(session.id):
                services.audit.append(
                    "session_ended", person=session.person_id, reason="account_closed"
                )
            raise ApiError(401, "signed_out", "This account is closed.", reason="signed_out")
        return session, person, front_end


def unproven(refused: FrontEndRefused) -> ApiError:
    """The one answer to every forgery; the log says which it was."""
    log.info("a front end could not prove itself", reason=refused.reason)
    return ApiError(401, "front_end", UNPROVEN)


def _shown(request: Request) -> tuple[str, str]:
    credentials = request.headers.getall("authorization", [])
    proofs = request.headers.getall("dpop", [])
    match = _CREDENTIALS.fullmatch(credentials[0]) if len(credentials) == 1 else None
    if match is None or len(proofs) != 1:
        raise FrontEndRefused("missing")
    return match[1], proofs[0]


def _require_scope(request: Request, session: Session, front_end: FrontEnd) -> None:
    needed = NEEDED.get(getattr(request.ctx, "endpoint", "?"))
    granted = session.terms.scopes & front_end.scopes if session.terms else frozenset()
    if needed is None or (needed != ANY and needed not in granted):
        raise ApiError(403, "scope", "This access token is not good for that.")
