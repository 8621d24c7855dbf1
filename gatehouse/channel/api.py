"""The endpoints under `/api/v1`, as `openapi.yml` describes them.

Each resolves the session and the person anew, so that a leaver or a changed role counts from this
request on. Handlers only read requests and write responses; what a turn does is in `turns`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any

from sanic.request import Request
from sanic.response import HTTPResponse, empty, json, raw

from gatehouse.channel import cookies, throttles
from gatehouse.channel.admission import SAFE_METHODS, Admission, check_csrf, network_zone
from gatehouse.channel.body import only, read_object, text_field
from gatehouse.channel.event_stream import EventStream
from gatehouse.channel.failures import ApiError
from gatehouse.channel.repeats import Repeats
from gatehouse.channel.replies import Reply
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Limiter, Windows
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.streams import Streams
from gatehouse.channel.text import TextTooLong, normalise
from gatehouse.channel.turns import Speaker, Turns, new_message_id
from gatehouse.identity import PasswordRefused, SessionEnded, SignInRefused
from gatehouse.identity.exports import Ticket, TicketRefused
from gatehouse.identity.people import fold_username
from gatehouse.stepup.recovery import parse_recovery
from gatehouse.tracker.export_page import page

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session

MESSAGE_ID = r"[A-Za-z0-9_-]{8,64}"
TOKEN = r"[A-Za-z0-9_.:-]{1,128}"
SIGN_INS_AT_ONCE = 2  # each takes the memory and time of one Argon2id hash

NO_TICKET = "This download link is used or expired."
CHOOSE_PASSWORD = "This is your first sign-in. Please choose a password of your own."


@dataclass(frozen=True, slots=True, repr=False)
class _Credentials:
    username: str
    password: str
    new_password: str = ""


class Api:
    """The endpoints of one deployment."""

    def __init__(
        self,
        services: Services,
        admission: Admission,
        turns: Turns,
        windows: Windows,
        shedding: Shedding,
        streams: Streams,
    ) -> None:
        limits, clock = services.settings.limits, services.clock
        self._services = services
        self._admission = admission
        self._turns = turns
        self._shedding = shedding
        self._streams = streams
        self._stream = EventStream(services, streams, self._expiry)
        self._repeats = Repeats(clock)
        self._messages = windows.window(limits.messages_per_minute, what="messages")
        self._sign_ins = windows.window(limits.sign_ins_per_minute, what="sign_ins")
        # More where more may be said.
        most = max(limits.requests_per_minute, 8 * limits.messages_per_minute)
        self._requests = windows.window(most, what="requests")
        self._strangers = windows.window(limits.strangers_per_minute, what="strangers")
        self._hashing = asyncio.Semaphore(SIGN_INS_AT_ONCE)

    async def sign_in(self, request: Request) -> HTTPResponse:
        """POST /session"""
        self._admission.check_origin(request)
        source = self._admission.source(request)
        try:
            credentials = await self._credentials(request)
        except ApiError:
            # No attempt at signing in, so it must not use up those of others at this address.
            await self._admit(self._strangers, source)
            raise
        await self._admit(self._sign_ins, source)
        async with self._hashing:
            token, session, person = await asyncio.to_thread(
                self._open, credentials, source, request
            )
        self._shedding.good(token)
        response = json(self._about(session, person))
        cookies.set_session(response, token)
        devices = self._services.devices
        device = devices.read(request.cookies.get(cookies.DEVICE), person.username)
        cookies.set_device(response, devices.issue(person.username, device))
        return response

    async def session(self, request: Request) -> HTTPResponse:
        """GET /session"""
        speaker = await self.speaker(request)
        return json(self._about(speaker.session, speaker.person))

    async def extend(self, request: Request) -> HTTPResponse:
        """POST /session/extension"""
        speaker = await self.speaker(request)
        await self._body(request)
        speaker = await self._active(speaker)
        return json(self._about(speaker.session, speaker.person))

    async def sign_out(self, request: Request) -> HTTPResponse:
        """DELETE /session"""
        speaker = await self.speaker(request)
        await asyncio.to_thread(self._close, speaker)
        self.forget(speaker.session)
        response = empty()
        cookies.drop_session(response)
        return response

    async def message(self, request: Request) -> HTTPResponse:
        """POST /messages"""
        speaker = await self.speaker(request)
        body = await self._body(request, "id", "text")
        message_id = text_field(body, "id", 64, MESSAGE_ID)
        text = self._text(body)
        return await self._once(
            speaker, message_id, f"text\n{text}", lambda who: self._turns.say(who, message_id, text)
        )

    async def button(self, request: Request) -> HTTPResponse:
        """POST /buttons"""
        speaker = await self.speaker(request)
        body = await self._body(request, "id", "button")
        message_id = text_field(body, "id", 64, MESSAGE_ID)
        chosen = text_field(body, "button", 64, TOKEN)
        return await self._once(
            speaker,
            message_id,
            f"button\n{chosen}",
            lambda who: self._turns.press(who, message_id, chosen),
        )

    async def challenge(self, request: Request) -> HTTPResponse:
        """GET /challenge"""
        speaker = await self.speaker(request)
        return json({"challenge": await self._turns.pending(speaker.session.conversation_id)})

    async def code(self, request: Request, challenge_id: str) -> HTTPResponse:
        """POST /challenges/<challenge_id>"""
        speaker = await self.speaker(request)
        body = await self._body(request, "id", "code")
        message_id = new_message_id()
        if "id" in body:
            message_id = text_field(body, "id", 64, MESSAGE_ID)
        code = read_code(body)
        return await self._once(
            speaker,
            message_id,
            f"code\n{challenge_id}\n{code}",
            lambda who: self._turns.answer(who, message_id, challenge_id, code),
        )

    async def cancel(self, request: Request, challenge_id: str) -> HTTPResponse:
        """DELETE /challenges/<challenge_id>"""
        speaker = await self._active(await self.speaker(request))
        return self._reply(speaker, await self._turns.cancel(speaker, challenge_id))

    async def history(self, request: Request) -> HTTPResponse:
        """GET /history"""
        speaker = await self.speaker(request)
        messages = await self._turns.past(speaker)
        challenge = await self._turns.pending(speaker.session.conversation_id)
        return json({"messages": messages, "challenge": challenge})

    async def clear(self, request: Request) -> HTTPResponse:
        """DELETE /conversation"""
        speaker = await self._active(await self.speaker(request))
        reply = await self._turns.clear(speaker)
        self._repeats.forget(speaker.session.id)
        self._streams.publish(speaker.session.id, "turn", id="clear")
        return self._reply(speaker, reply)

    async def events(self, request: Request) -> None:
        """GET /events"""
        speaker = await self.speaker(request)
        await self._stream.send(request, speaker.session)

    async def export(self, request: Request, ticket: str) -> HTTPResponse:
        """GET /exports/<ticket>"""
        speaker = await self.speaker(request)
        taken = await asyncio.to_thread(self._take_ticket, speaker, ticket)
        if taken.what == "receipt":
            return _attachment(taken.content, "erasure-receipt.json", "application/json")
        document = await self._turns.export(speaker)
        if taken.what == "page":
            zone = self._services.settings.policy.time_zone
            return _attachment(page(document, zone).encode(), "my-data.html", "text/html")
        content = dumps(document, indent=2, ensure_ascii=False).encode()
        return _attachment(content, "my-data.json", "application/json")

    # Reading requests

    async def speaker(self, request: Request) -> Speaker:
        """Who sends `request`; raises `ApiError` 401, 403 or `TooMany`."""
        self._admission.check_origin(request)
        source = self._admission.source(request)
        token = request.cookies.get(cookies.SESSION)
        if not token or len(token) > 256:
            await self._admit(self._strangers, source)
            raise ApiError(401, "signed_out", "Please sign in.")
        try:
            session, person = await asyncio.to_thread(
                self._resolve, token, request.headers.get("user-agent", "")
            )
        except SessionEnded as ended:
            self._shedding.forget(token)
            await self._admit(self._strangers, source)
            raise ApiError(401, "signed_out", ended.message, reason=ended.reason) from ended
        self._shedding.good(token)
        await self._admit(self._requests, session.id, person.id)
        if request.method not in SAFE_METHODS:
            check_csrf(request, session.csrf)
        device = self._services.devices.read(request.cookies.get(cookies.DEVICE), person.username)
        return Speaker(session, person, network_zone(source), device)

    def forget(self, session: Session) -> None:
        """Drop what is kept in memory about a session that ended."""
        self._repeats.forget(session.id)
        self._turns.forget(session.conversation_id)
        self._streams.end(session.id, "signed_out")

    async def _admit(self, window: Limiter, key: str, person: str | None = None) -> None:
        await throttles.admit(self._services.audit, window, key, person)

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
                self._ended(session, "account_closed")
            raise ApiError(401, "signed_out", "This account is closed.", reason="signed_out")
        return session, person

    async def _active(self, speaker: Speaker) -> Speaker:
        """`speaker` with the idle time of the session started again."""
        touch = self._services.sessions.touch
        seen = await asyncio.to_thread(touch, speaker.session.id)
        return replace(speaker, session=replace(speaker.session, last_seen_at=seen))

    async def _credentials(self, request: Request) -> _Credentials:
        body = await self._body(request, "username", "password", "new_password")
        return _Credentials(
            username=text_field(body, "username", 128),
            password=text_field(body, "password", 256),
            new_password=text_field(body, "new_password", 256) if "new_password" in body else "",
        )

    async def _body(self, request: Request, *names: str) -> dict[str, Any]:
        body = await read_object(request, self._services.settings.limits.body)
        only(body, names)
        return body

    def _text(self, body: dict[str, Any]) -> str:
        limit = self._services.settings.limits.text
        given = body.get("text")
        if not isinstance(given, str):
            raise ApiError(400, "invalid", "text must be text.")
        try:
            text = normalise(given, limit)
        except TextTooLong as error:
            raise ApiError(
                400, "too_long", f"A message can have {limit} characters at most.", limit=limit
            ) from error
        if not text:
            raise ApiError(400, "empty", "The message has no text.")
        return text

    # Answering

    async def _once(
        self,
        speaker: Speaker,
        message_id: str,
        content: str,
        turn: Callable[[Speaker], Any],
    ) -> HTTPResponse:
        """Run `turn` unless this message was handled already; count it against the limits."""
        if not self._repeats.known(speaker.session.id, message_id):
            await self._admit(self._messages, speaker.person.id, speaker.person.id)
        speaker = await self._active(speaker)
        tell = partial(self._streams.publish, speaker.session.id, id=message_id)
        reply = await self._repeats.once(
            speaker.session.id, message_id, content, partial(_told, tell, turn, speaker)
        )
        return self._reply(speaker, reply)

    def _reply(self, speaker: Speaker, reply: Reply) -> HTTPResponse:
        response = json({**reply.as_json(), **self._expiry(speaker.session)})
        if reply.confirmed_with:
            username = speaker.person.username
            token = self._services.devices.issue(username, speaker.device, reply.confirmed_with)
            cookies.set_device(response, token)
        return response

    def _about(self, session: Session, person: Person) -> dict[str, Any]:
        return {
            "csrf": session.csrf,
            "person": {"name": person.display_name, "roles": sorted(person.roles)},
            **self._expiry(session),
        }

    def _expiry(self, session: Session) -> dict[str, Any]:
        """When the session ends, and whether staying active would help (`idle`) or not."""
        terms, now = self._services.settings.session, self._services.clock.now()
        idle, absolute = session.last_seen_at + terms.idle, session.started_at + terms.absolute
        left = max(0, int(min(idle, absolute) - now))
        return {"expires_in": left, "expires_by": "idle" if idle < absolute else "absolute"}

    # Blocking parts, run in a thread

    def _open(
        self, credentials: _Credentials, source: str, request: Request
    ) -> tuple[str, Session, Person]:
        services, sent = self._services, request.cookies
        old_token = sent.get(cookies.SESSION)
        named = fold_username(credentials.username)
        device = services.devices.read(sent.get(cookies.DEVICE), named)
        person = self._checked(credentials, source, device.id)
        if old_token:
            self._close_old(old_token)
        services.audit.append("sign_in", person=person.id)
        token, session = services.sessions.open(person, request.headers.get("user-agent", ""))
        services.conversations.started(session.conversation_id, person.id)
        return token, session, person

    def _checked(self, given: _Credentials, source: str, device: str) -> Person:
        """The person who signs in; every refusal is recorded and raised as `ApiError`."""
        directory, audit = self._services.directory, self._services.audit
        try:
            if given.new_password:
                changed = directory.change_password(
                    given.username,
                    given.password,
                    given.new_password,
                    source=source,
                    device=device,
                )
                ended = self._services.sessions.close_all(changed.id)  # who knew the old one is out
                audit.append("password_changed", person=changed.id, sessions=ended)
                return changed
            person = directory.check_password(
                given.username, given.password, source=source, device=device
            )
        except SignInRefused as refused:
            tried = directory.named(given.username)
            audit.append("sign_in_refused", person=tried, reason=refused.reason)
            raise _sign_in_answer(refused) from refused
        except PasswordRefused as refused:
            tried = directory.named(given.username)
            audit.append("sign_in_refused", person=tried, reason="new_password")
            raise ApiError(400, "new_password", refused.message) from refused
        if person.must_change_password:
            audit.append("sign_in_refused", person=person.id, reason="initial_password")
            raise ApiError(403, "initial_password", CHOOSE_PASSWORD)
        return person

    def _close_old(self, token: str) -> None:
        try:
            old = self._services.sessions.resolve(token)
        except SessionEnded:
            return
        if self._services.sessions.close(old.id):
            self._ended(old, "replaced")

    def _ended(self, session: Session, reason: str) -> None:
        self._services.audit.append("session_ended", person=session.person_id, reason=reason)

    def _close(self, speaker: Speaker) -> None:
        self._services.sessions.close(speaker.session.id)
        self._services.step_up.forget_session(speaker.session.id)
        self._services.audit.append("sign_out", person=speaker.person.id)

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


async def _told(
    tell: Callable[..., None], turn: Callable[[Speaker], Any], speaker: Speaker
) -> Reply:
    """`turn`, with its beginning and its end told to the open pages of the session."""
    tell("typing")
    try:
        reply: Reply = await turn(speaker)
    finally:
        tell("turn")
    return reply


def read_code(body: dict[str, Any]) -> str:
    """The code in `body` as it is compared; raises `ApiError` 400."""
    given = text_field(body, "code", 32)
    digits = "".join(given.split())
    if digits.isascii() and digits.isdigit() and len(digits) == 6:
        return digits
    recovery = parse_recovery(given)
    if recovery is None:
        raise ApiError(400, "code", "A code has six digits, or is one of your recovery codes.")
    return recovery


def _sign_in_answer(refused: SignInRefused) -> ApiError:
    # The directory throttles names that nobody has like others, so none of these tells who exists.
    if refused.reason == "throttled":
        wait = max(1, math.ceil(refused.retry_after))
        return ApiError(429, "too_many", refused.message, retry_after=wait)
    return ApiError(401, "sign_in_refused", refused.message)
