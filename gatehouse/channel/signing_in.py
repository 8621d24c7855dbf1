"""The endpoints of one session: sign in, look at it, keep it open, sign out.

Every way to sign in ends in `open` and `hand_over`, so that the session that was there before is closed, the
sign-in is recorded before it counts, and the cookies are set the same way.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from gatehouse.channel import cookies
from gatehouse.channel.admission import CSRF_HEADER, Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.body import text_field
from gatehouse.channel.door import Door
from gatehouse.channel.failures import ApiError, refusal
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.token_speakers import shows_token
from gatehouse.identity import PasswordRefused, SessionEnded, SignInRefused
from gatehouse.identity.directory import NOBODY
from gatehouse.identity.people import fold_username

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session

SIGN_INS_AT_ONCE = 2  # each takes the memory and time of one Argon2id hash

SIGN_OUT_THERE = "/sign-in/out"
NOT_YOURS = "That is not your password."
CHANGE_THERE = "Sign in with the password that you have, and change it under “Account”."
CHOOSE_PASSWORD = "This is your first sign-in. Please choose a password of your own."


@dataclass(frozen=True, slots=True, repr=False)
class _Credentials:
    username: str
    password: str
    new_password: str = ""


class SigningIn:
    """The endpoints of one deployment."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        speakers: Speakers,
        answers: Answers,
        windows: Windows,
        shedding: Shedding,
        door: Door,
    ) -> None:
        self._services = services
        self._admission = admission
        self._speakers = speakers
        self._answers = answers
        self._shedding = shedding
        self._door = door
        limit = services.settings.limits.sign_ins_per_minute
        self._sign_ins = windows.window(limit, what="sign_ins")
        self._hashing = asyncio.Semaphore(SIGN_INS_AT_ONCE)

    async def sign_in(self, request: Request) -> HTTPResponse:
        """POST /session"""
        self._admission.check_origin(request)
        source = self._admission.source(request)
        try:
            self._check_door(request)
            credentials = await self._credentials(request)
        except ApiError:
            # No attempt at signing in, so it must not use up those of others at this address.
            await self._speakers.stranger(source)
            raise
        await self.count(source)
        await self._check_passwords_count()
        async with self._hashing:
            token, session, person = await asyncio.to_thread(
                self._sign_in, credentials, source, request
            )
        response = json(self._speakers.about(session, person))
        self.hand_over(request, response, token, person)
        return response

    async def _check_passwords_count(self) -> None:
        section = self._services.settings.provider
        if not section.issuer or section.passwords:
            return
        await asyncio.to_thread(
            self._services.audit.append, "sign_in_refused", person=NOBODY, reason="passwords_off"
        )
        raise ApiError(403, "passwords_off", f"Please sign in with {section.name}.")

    async def count(self, source: str) -> None:
        """Count one attempt at signing in from `source`; raises `TooMany`."""
        await self._speakers.admit(self._sign_ins, source)

    async def session(self, request: Request) -> HTTPResponse:
        """GET /session"""
        try:
            speaker = await self._speakers.speaker(request)
        except ApiError as error:
            if error.status != 401 or shows_token(request):
                raise
            return self._at_the_door(request, error)
        about = self._speakers.about(speaker.session, speaker.person)
        provider = self._services.provider
        if provider is not None and await asyncio.to_thread(
            provider.links.came_from_provider, speaker.session.id
        ):
            about["sign_out_at"] = SIGN_OUT_THERE
        return json(about)

    async def extend(self, request: Request) -> HTTPResponse:
        """POST /session/extension"""
        speaker = await self._speakers.speaker(request)
        await self._speakers.body(request)
        speaker = await self._speakers.active(speaker)
        return json(self._speakers.about(speaker.session, speaker.person))

    async def sign_out(self, request: Request) -> HTTPResponse:
        """DELETE /session"""
        speaker = await self._speakers.speaker(request)
        await asyncio.to_thread(self._close, speaker)
        self._answers.forget(speaker.session)
        response = empty()
        if speaker.session.terms is None:
            cookies.drop_session(response)
        return response

    async def check_password(self, speaker: Speaker, current: str, new: str, source: str) -> None:
        """That `current` is the password of who speaks, and `new` may take its place; counted and recorded
        like a sign-in. Raises `ApiError` or `TooMany`."""
        await self.count(source)
        await self._check_passwords_count()
        given = _Credentials(speaker.person.username, current, new)
        async with self._hashing:
            try:
                await asyncio.to_thread(self._may_change, given, source, speaker.device.id)
            except ApiError as error:
                if error.status == 401:  # the session goes on
                    raise ApiError(403, "password", NOT_YOURS) from error
                raise

    def _may_change(self, given: _Credentials, source: str, device: str) -> None:
        person = self._checked(replace(given, new_password=""), source, device)
        try:
            self._services.directory.check_change(person, given.password, given.new_password)
        except PasswordRefused as refused:
            raise ApiError(400, "new_password", _sentence(refused.message)) from refused

    async def person_of(self, username: str, password: str, source: str) -> Person:
        """Whose name and password these are, for what opens no session: counted, throttled and
        recorded like a sign-in. Raises `ApiError` or `TooMany`."""
        await self.count(source)
        await self._check_passwords_count()
        async with self._hashing:
            given = _Credentials(username, password)
            return await asyncio.to_thread(self._checked, given, source, "")

    def _check_door(self, request: Request) -> None:
        shown = request.headers.getall(CSRF_HEADER, [])
        cookie = request.cookies.get(cookies.DOOR)
        if len(shown) != 1 or not self._door.opens(cookie, shown[0]):
            raise ApiError(403, "csrf", "Please reload the page and try again.")

    def _at_the_door(self, request: Request, error: ApiError) -> HTTPResponse:
        """`error`, and with it what the page needs to sign somebody in."""
        cookie = self._door.cookie(request.cookies.get(cookies.DOOR))
        error.facts["door"] = self._door.token(cookie)
        response = refusal(error)
        cookies.set_door(response, cookie)
        return response

    # Blocking parts, run in a thread

    def open(
        self,
        request: Request,
        person: Person,
        *,
        by: str | None = None,
        aal: int = 1,
        aal_at: float | None = None,
        replaces: str = "",
    ) -> tuple[str, Session]:
        """Open a session for `person`, in place of the one that `request` shows; its token. Blocks.

        `by` names a way to sign in that is not the password, with the assurance that it gave;
        `replaces` is the id of a session that ends as well.
        """
        services, old_token = self._services, request.cookies.get(cookies.SESSION)
        if old_token:
            self._close_old(old_token)
        if replaces:
            self._close_replaced(replaces)
        services.audit.append("sign_in", person=person.id, by=by, aal=aal if by else None)
        token, session = services.sessions.open(
            person, request.headers.get("user-agent", ""), aal=aal, aal_at=aal_at
        )
        services.conversations.started(session.conversation_id, person.id)
        return token, session

    def hand_over(
        self, request: Request, response: HTTPResponse, token: str, person: Person
    ) -> None:
        """Put the session that was opened into the cookies of `response`."""
        self._shedding.good(token)
        cookies.set_session(response, token)
        cookies.drop_door(response)
        devices = self._services.devices
        device = devices.read(request.cookies.get(cookies.DEVICE), person.username)
        cookies.set_device(response, devices.issue(person.username, device))

    def _sign_in(
        self, credentials: _Credentials, source: str, request: Request
    ) -> tuple[str, Session, Person]:
        named = fold_username(credentials.username)
        device = self._services.devices.read(request.cookies.get(cookies.DEVICE), named)
        person = self._checked(credentials, source, device.id)
        return *self.open(request, person), person

    async def _credentials(self, request: Request) -> _Credentials:
        body = await self._speakers.body(request, "username", "password", "new_password")
        return _Credentials(
            username=text_field(body, "username", 128),
            password=text_field(body, "password", 256),
            new_password=text_field(body, "new_password", 256) if "new_password" in body else "",
        )

    def _checked(self, given: _Credentials, source: str, device: str) -> Person:
        """The person who signs in; every refusal is recorded and raised as `ApiError`."""
        directory, audit = self._services.directory, self._services.audit
        try:
            person = directory.check_password(
                given.username, given.password, source=source, device=device
            )
            if given.new_password:
                directory.check_change(person, given.password, given.new_password)
        except SignInRefused as refused:
            tried = directory.named(given.username)
            audit.append("sign_in_refused", person=tried, reason=refused.reason)
            raise _sign_in_answer(refused) from refused
        except PasswordRefused as refused:
            tried = directory.named(given.username)
            audit.append("sign_in_refused", person=tried, reason="new_password")
            raise ApiError(400, "new_password", _sentence(refused.message)) from refused
        if given.new_password:
            return self._replace_initial(person, given.new_password)
        if person.must_change_password:
            audit.append("sign_in_refused", person=person.id, reason="initial_password")
            raise ApiError(403, "initial_password", CHOOSE_PASSWORD)
        return person

    def _replace_initial(self, person: Person, new: str) -> Person:
        if not person.must_change_password:
            # Any other change takes a second factor of whoever has one.
            raise ApiError(400, "new_password", CHANGE_THERE)
        ended = len(self._services.sessions.of_person(person.id))  # who knew the old one is out
        self._services.audit.append("password_changed", person=person.id, sessions=ended)
        changed = self._services.directory.set_password(person.id, new)
        self._services.sessions.close_all(changed.id)
        return changed

    def _close_old(self, token: str) -> None:
        try:
            old = self._services.sessions.resolve(token)
        except SessionEnded:
            return
        self._replace(old)

    def _close_replaced(self, session_id: str) -> None:
        try:
            old = self._services.sessions.get(session_id)
        except SessionEnded:
            return
        self._replace(old)

    def _replace(self, old: Session) -> None:
        if self._services.sessions.close(old.id):
            self._speakers.ended(old, "replaced")

    def _close(self, speaker: Speaker) -> None:
        self._services.sessions.close(speaker.session.id)
        self._services.step_up.forget_session(speaker.session.id)
        self._services.audit.append("sign_out", person=speaker.person.id)


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."


def _sign_in_answer(refused: SignInRefused) -> ApiError:
    # The directory throttles names that nobody has like others, so none of these tells who exists.
    if refused.reason == "throttled":
        wait = max(1, math.ceil(refused.retry_after))
        return ApiError(429, "too_many", refused.message, retry_after=wait)
    return ApiError(401, "sign_in_refused", refused.message)
