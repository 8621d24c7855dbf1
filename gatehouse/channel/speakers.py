"""Whom a request comes from, and whether they may ask at all.

The session and the person are resolved anew for each request, so that a leaver or a changed role
counts from this request on. Nothing a request says about its sender is believed; a request that
changes something must show the token of its session (ASVS 5.0 V3.5).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sanic.request import Request

from gatehouse.channel import cookies, throttles
from gatehouse.channel.admission import SAFE_METHODS, Admission, check_csrf, network_zone
from gatehouse.channel.body import only, read_object
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Limiter, Windows
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.token_speakers import TokenSpeakers, shows_token
from gatehouse.identity import SessionEnded

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session


class Speakers:
    """Resolves who speaks in one deployment."""

    def __init__(
        self, services: Services, admission: Admission, windows: Windows, shedding: Shedding
    ) -> None:
        limits = services.settings.limits
        self._services = services
        self._admission = admission
        self._shedding = shedding
        # More where more may be said.
        most = max(limits.requests_per_minute, 8 * limits.messages_per_minute)
        self._requests = windows.window(most, what="requests")
        self._strangers = windows.window(limits.strangers_per_minute, what="strangers")
        self._tokens = TokenSpeakers(services, admission, shedding, self._count, self.stranger)

    async def speaker(self, request: Request) -> Speaker:
        """Who sends `request`; raises `ApiError` 401, 403 or `TooMany`."""
        if shows_token(request):
            return await self._tokens.speaker(request)
        self._admission.check_origin(request)
        source = self._admission.source(request)
        token = request.cookies.get(cookies.SESSION)
        if not token or len(token) > 256:
            await self.stranger(source)
            raise ApiError(401, "signed_out", "Please sign in.")
        try:
            session, person = await asyncio.to_thread(
                self._resolve, token, request.headers.get("user-agent", "")
            )
        except SessionEnded as ended:
            self._shedding.forget(token)
            await self.stranger(source)
            raise ApiError(401, "signed_out", ended.message, reason=ended.reason) from ended
        self._shedding.good(token)
        await self._count(session.id, person.id)
        if request.method not in SAFE_METHODS:
            check_csrf(request, session.csrf)
        device = self._services.devices.read(request.cookies.get(cookies.DEVICE), person.username)
        return Speaker(session, person, network_zone(source), device)

    async def stranger(self, source: str) -> None:
        """Count a request that shows no good session; raises `TooMany`."""
        await self.admit(self._strangers, source)

    async def _count(self, session: str, person: str) -> None:
        await self.admit(self._requests, session, person)

    async def admit(self, window: Limiter, key: str, person: str | None = None) -> None:
        """Count one event of `key` in `window`; raises `TooMany` and records the first."""
        await throttles.admit(self._services.audit, window, key, person)

    async def active(self, speaker: Speaker) -> Speaker:
        """`speaker` with the idle time of the session started again."""
        sessions = self._services.sessions
        if sessions.is_fresh(speaker.session):
            return speaker
        seen = await asyncio.to_thread(sessions.touch, speaker.session.id)
        return replace(speaker, session=replace(speaker.session, last_seen_at=seen))

    async def body(self, request: Request, *names: str) -> dict[str, Any]:
        """The JSON object that `request` holds, with no other fields than `names`."""
        body = await read_object(request, self._services.settings.limits.body)
        only(body, names)
        return body

    def about(self, session: Session, person: Person) -> dict[str, Any]:
        """A session as its own page may know it."""
        return {
            "csrf": session.csrf,
            "person": {"name": person.display_name, "roles": sorted(person.roles)},
            **self.expiry(session),
        }

    def expiry(self, session: Session) -> dict[str, Any]:
        """When the session ends, and whether staying active would help (`idle`) or not."""
        terms, now = self._services.settings.session, self._services.clock.now()
        idle, absolute = session.last_seen_at + terms.idle, session.started_at + terms.absolute
        if session.terms is not None:
            absolute = min(absolute, session.terms.until)
        left = max(0, int(min(idle, absolute) - now))
        return {"expires_in": left, "expires_by": "idle" if idle < absolute else "absolute"}

    def ended(self, session: Session, reason: str) -> None:
        """Record that a session ended which its person did not end. Blocks."""
        self._services.audit.append("session_ended", person=session.person_id, reason=reason)

    def _resolve(self, token: str, user_agent: str) -> tuple[Session, Person]:
        try:
            session = self._services.sessions.resolve(token, user_agent)
        except SessionEnded as ended:
            # Once, however often the dead token is shown again.
            if ended.just_now and ended.reason in ("browser", "clock"):
                self._services.audit.append(
                    "session_ended", person=ended.person_id, reason=ended.reason
                )
            elif ended.just_now and ended.reason == "tampered":
                self._services.audit.append(
                    "tamper", person=ended.person_id, reason="session_altered"
                )
            raise
        person = self._services.directory.get(session.person_id)
        if person is None or person.disabled:
            if self._services.sessions.close(session.id):
                self.ended(session, "account_closed")
            raise ApiError(401, "signed_out", "This account is closed.", reason="signed_out")
        return session, person
