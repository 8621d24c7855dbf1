"""The web channel as Rasa mounts it.

`credentials.yml` names `gatehouse.channel.WebChannel`; `rasa run` builds it and registers its
blueprint, which also takes charge of the whole application: it checks every request before any
handler, finishes every response, and refuses to start next to anything that bypasses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse, redirect

from gatehouse import metrics
from gatehouse.channel import (
    cookies,
    dead_ends,
    framing,
    housekeeping,
    mounts,
    observing,
    pace,
    rasa_side,
)
from gatehouse.channel.account import Account
from gatehouse.channel.admission import Admission
from gatehouse.channel.answers import Answers
from gatehouse.channel.arriving import Arriving
from gatehouse.channel.authenticators import OwnAuthenticators
from gatehouse.channel.body import READ_TIMEOUT
from gatehouse.channel.challenges import Challenges
from gatehouse.channel.door import Door
from gatehouse.channel.downloads import Downloads
from gatehouse.channel.event_stream import EventStream
from gatehouse.channel.failures import ApiError, QuietErrorHandler
from gatehouse.channel.front_ends import FrontEndPages
from gatehouse.channel.headers import HEADERS, header_set, secure
from gatehouse.channel.hooks import Hooks
from gatehouse.channel.messages import Messages
from gatehouse.channel.pages import STATIC, Pages, Wording, wording_of
from gatehouse.channel.probes import ANY_HOST, Probes, read_token
from gatehouse.channel.provider import ProviderPages
from gatehouse.channel.refusals import Refusals
from gatehouse.channel.sending import Sending
from gatehouse.channel.services import Services, of_this_process
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.shedding import Shedding
from gatehouse.channel.signing_in import SigningIn
from gatehouse.channel.speakers import Speakers
from gatehouse.channel.stored import Stored
from gatehouse.channel.streams import Streams
from gatehouse.channel.turns import TURN_TIMEOUT, Turns
from gatehouse.errors import GatehouseError, NotReady
from gatehouse.health import Readiness, probes
from gatehouse.logs import get_logger, place_of
from gatehouse.production import require_fit
from gatehouse.tracker.store import open_to_channel

log = get_logger(__name__)

_FIRST = 1000  # of the request middleware, before Rasa's CORS; last of the response middleware

_BEFORE_START = {**HEADERS, "Strict-Transport-Security": "max-age=300"}

_V1 = "/api/v1"
_ROUTES = (
    ("POST", f"{_V1}/session", "signing_in", "sign_in"),
    ("GET", f"{_V1}/session", "signing_in", "session"),
    ("DELETE", f"{_V1}/session", "signing_in", "sign_out"),
    ("POST", f"{_V1}/session/extension", "signing_in", "extend"),
    ("GET", f"{_V1}/sessions", "account", "sessions"),
    ("DELETE", f"{_V1}/sessions", "account", "end_sessions"),
    ("DELETE", f"{_V1}/sessions/<session_id:str>", "account", "end_session"),
    ("POST", f"{_V1}/token", "front_ends", "token"),
    ("POST", f"{_V1}/token/renewal", "front_ends", "renew"),
    ("POST", f"{_V1}/front-ends", "front_ends", "register"),
    ("GET", f"{_V1}/front-ends", "front_ends", "front_ends"),
    ("POST", f"{_V1}/front-ends/keys", "front_ends", "replace_key"),
    ("DELETE", f"{_V1}/front-ends/<front_end_id:str>", "front_ends", "end_front_end"),
    ("GET", f"{_V1}/authenticators", "own", "authenticators"),
    ("POST", f"{_V1}/authenticators/changes", "own", "change"),
    ("POST", f"{_V1}/authenticators/changes/<challenge_id:str>", "own", "prove"),
    ("DELETE", f"{_V1}/authenticators/changes/<challenge_id:str>", "own", "call_off"),
    ("POST", f"{_V1}/authenticators/changes/<challenge_id:str>/delivery", "own", "deliver_change"),
    ("POST", f"{_V1}/authenticators/<authenticator_id:str>/confirmation", "own", "confirm"),
    ("POST", f"{_V1}/authenticators/<authenticator_id:str>/name", "own", "rename"),
    ("GET", f"{_V1}/notices", "own", "notices"),
    ("DELETE", f"{_V1}/notices/<notice_id:str>", "own", "dismiss"),
    ("POST", f"{_V1}/messages", "messages", "message"),
    ("POST", f"{_V1}/buttons", "messages", "button"),
    ("GET", f"{_V1}/challenge", "challenges", "challenge"),
    ("POST", f"{_V1}/challenges/<challenge_id:str>", "challenges", "code"),
    ("DELETE", f"{_V1}/challenges/<challenge_id:str>", "challenges", "cancel"),
    ("POST", f"{_V1}/challenges/<challenge_id:str>/delivery", "challenges", "deliver"),
    ("GET", f"{_V1}/history", "messages", "history"),
    ("DELETE", f"{_V1}/conversation", "messages", "clear"),
    ("GET", f"{_V1}/stored", "stored", "stored"),
    ("POST", f"{_V1}/requests", "stored", "ask"),
    ("GET", f"{_V1}/events", "events", "events"),
    ("GET", f"{_V1}/exports/<ticket:str>", "downloads", "export"),
    ("GET", "/sign-in", "provider", "begin_there"),
    ("GET", "/sign-in/return", "provider", "return_from_there"),
    ("GET", "/sign-in/out", "provider", "sign_out_there"),
    ("POST", "/sign-in/logout", "provider", "signed_out_there"),
    ("GET", "/healthz", "probes", "healthz"),
    ("GET", "/readyz", "probes", "readyz"),
    ("GET", "/metrics", "probes", "metrics"),
    ("POST", f"{_V1}/hooks/<name:str>", "hooks", "receive"),
    ("GET", "/chat", "pages", "chat"),
    ("GET", f"{STATIC}<name:str>", "pages", "static"),
)

metrics.REQUEST_SECONDS.expect([*(name for *_, name in _ROUTES), metrics.OTHER])

_CONFIG = {
    "ACCESS_LOG": False,
    "AUTO_EXTEND": False,
    "FALLBACK_ERROR_FORMAT": "json",
    "FORWARDED_SECRET": None,  # forwarded headers are read by Admission only
    "GRACEFUL_SHUTDOWN_TIMEOUT": TURN_TIMEOUT + 5,
    "KEEP_ALIVE_TIMEOUT": 30,
    "MOTD": False,
    "NOISY_EXCEPTIONS": False,
    "PROXIES_COUNT": None,
    "REAL_IP_HEADER": None,
    "REQUEST_MAX_SIZE": 16384,
    "REQUEST_TIMEOUT": 15,
    "RESPONSE_TIMEOUT": READ_TIMEOUT + TURN_TIMEOUT + 5,  # from the first byte of a request
}


@dataclass(frozen=True, slots=True)
class _Built:
    """What needs the services, made when a serving process starts."""

    admission: Admission
    arriving: Arriving
    shedding: Shedding
    windows: Windows
    streams: Streams
    sending: Sending
    headers: Mapping[str, str]
    signing_in: SigningIn
    front_ends: FrontEndPages
    provider: ProviderPages
    messages: Messages
    challenges: Challenges
    events: EventStream
    downloads: Downloads
    account: Account
    own: OwnAuthenticators
    stored: Stored
    hooks: Hooks
    pages: Pages
    probes: Probes
    readiness: Readiness
    refusals: Refusals


def _record_stop(services: Services) -> None:
    """A log that cannot be written must not keep a server from ending; the next start shows it."""
    try:
        services.audit.append("stop")
        services.checkpoints.make()  # so that nothing waits unsigned for the next start
    except GatehouseError as error:
        log.error("the stop could not be recorded", error=place_of(error))


class WebChannel(InputChannel):
    """The channel `web`.

    `services` default to those of the process and are fetched at its start; `wording` defaults to
    what `credentials.yml` says.
    """

    def __init__(self, services: Services | None = None, wording: Wording | None = None) -> None:
        self._services = services
        self._wording = wording

    @classmethod
    def name(cls) -> str:
        return rasa_side.CHANNEL

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> WebChannel:
        """Raises `InvalidInput` for an unknown or malformed entry of `credentials.yml`."""
        # Only Rasa's own launcher comes here, with its own logging set up.
        from gatehouse.runtime import redact_logs

        channel = cls(wording=Wording.read(credentials))
        redact_logs()
        return channel

    def url_prefix(self) -> str:
        # Rasa joins this to its route "/webhooks/"; an absolute path mounts at the root.
        return "/"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        return WebBlueprint(self._services, self._wording)


class WebBlueprint(Blueprint):
    """The routes of the channel; mounting it hands the whole application to its `Doorkeeper`."""

    def __init__(self, services: Services | None, wording: Wording | None) -> None:
        super().__init__(mounts.BLUEPRINT)
        keeper = self.ctx.keeper = Doorkeeper(services, wording)
        for method, path, part, name in _ROUTES:
            self.add_route(
                partial(keeper.serve, part, name),
                path,
                methods=[method],
                name=name,
                stream=method == "POST",  # the body is read by the handler, under its own limits
            )

    def register(self, app: Sanic, options: dict[str, Any]) -> None:
        """Mount the routes in `app` and take charge of it; raises `UnsafeMount`."""
        super().register(app, options)
        mounts.check(app)
        self.ctx.keeper.take_charge(app)


class Doorkeeper:
    """In charge of an application: starts it or refuses to, admits requests, finishes responses."""

    def __init__(self, services: Services | None, wording: Wording | None) -> None:
        self._services = services
        self._wording = wording
        self._built: _Built | None = None
        self._stopping = False

    def take_charge(self, app: Sanic) -> None:
        app.error_handler = QuietErrorHandler(self._finish, self._for_people)
        app.add_signal(self._connected, "http.lifecycle.begin")
        app.add_signal(self._disconnected, "http.lifecycle.complete")
        app.register_middleware(self._admit, "request", priority=_FIRST)
        app.register_middleware(self._on_response, "response", priority=_FIRST)
        # Channels that are mounted after this one are seen only when the server starts.
        app.register_listener(self._check, "main_process_start")
        app.register_listener(self._start, "before_server_start")
        app.register_listener(self._ready, "after_server_start")
        app.register_listener(self._stop, "before_server_stop")
        app.config.update(_CONFIG)
        pace.bound()

    async def serve(
        self, part: str, endpoint: str, request: Request, /, **path: str
    ) -> HTTPResponse | None:
        """Let `endpoint` of `part` answer; None when it has answered by itself."""
        request.ctx.endpoint = f"{part}.{endpoint}"
        handler = getattr(getattr(self._parts(), part), endpoint)
        response: HTTPResponse | None = await handler(request, **path)
        return response

    async def _check(self, app: Sanic, _loop: object = None) -> None:
        mounts.check(app)

    async def _start(self, app: Sanic, _loop: object = None) -> None:
        """Before the server accepts anything; whatever this raises stops the start."""
        from gatehouse.dialogue.gate import is_live

        mounts.check(app)
        if not is_live():
            raise NotReady("a rehearsal answers for the policies; it must not serve people")
        services = self._services = self._services or of_this_process()
        require_fit(services)
        open_to_channel()
        settings = services.settings
        app.config.REQUEST_MAX_SIZE = settings.limits.body
        admission = Admission(settings)
        readiness = Readiness(probes(services))
        windows = Windows(services.clock, settings, services.ring)
        shedding = Shedding(cookies.SESSION, settings.limits.strangers_per_second)
        streams = Streams()
        sending = Sending()
        turns = Turns(services, lambda: rasa_side.ready_agent(app))
        door = Door(services.clock, services.ring.service_key("door"))
        speakers = Speakers(services, admission, windows, shedding)
        answers = Answers(services, speakers, turns, windows, streams)
        signing_in = SigningIn(services, admission, speakers, answers, windows, shedding, door)
        self._built = _Built(
            admission=admission,
            arriving=Arriving(admission),
            shedding=shedding,
            windows=windows,
            streams=streams,
            sending=sending,
            headers=header_set(settings.server.origin, settings.server.framed_by),
            signing_in=signing_in,
            front_ends=FrontEndPages(services, admission, speakers, answers, signing_in, windows),
            provider=ProviderPages(services, admission, speakers, answers, signing_in, windows),
            messages=Messages(services, speakers, answers, turns),
            challenges=Challenges(services, speakers, answers, turns, sending),
            events=EventStream(services, speakers, streams),
            downloads=Downloads(services, speakers, turns),
            account=Account(services, speakers, answers),
            own=OwnAuthenticators(services, speakers, streams, sending),
            stored=Stored(services, speakers, answers, turns),
            hooks=Hooks(services, admission, windows),
            pages=Pages(
                self._wording or wording_of(settings),
                settings.limits.text,
                door,
                settings.provider,
            ),
            probes=Probes(services, readiness, admission, windows, read_token(settings)),
            readiness=readiness,
            refusals=Refusals(services.audit, services.clock),
        )

    async def _ready(self, app: Sanic, _loop: object = None) -> None:
        """Once the model is loaded: refuses to go on with one that protects nobody."""
        assert self._services is not None
        rasa_side.sign_action_calls(rasa_side.ready_agent(app), self._services.caller)
        housekeeping.start(app, self._services)
        observing.start(app, self._services, self._parts().readiness)

    async def _stop(self, app: Sanic, _loop: object = None) -> None:
        self._stopping = True
        if self._built is not None:
            self._built.streams.close()  # or the server would wait for open pages
        assert self._services is not None
        observing.stop(app)
        await housekeeping.stop(app)
        if self._built is not None:
            await self._built.windows.close()
            self._built.sending.close()
        await asyncio.to_thread(_record_stop, self._services)

    def _parts(self) -> _Built:
        if self._built is None:
            raise ApiError(503, "unavailable", "Gatehouse is starting. Please try again.")
        return self._built

    async def _connected(self, conn_info: object) -> None:
        if self._built is not None:
            await self._built.arriving.opened(conn_info)

    async def _disconnected(self, conn_info: object) -> None:
        if self._built is not None:
            await self._built.arriving.closed(conn_info)

    async def _admit(self, request: Request) -> HTTPResponse | None:
        observing.begun(request)
        if request.conn_info is None:
            # Sanic's stand-in for a head that could not be read: its own error is the answer.
            return None
        framing.check(request)
        parts = self._parts()
        parts.arriving.head_read(request)
        if request.path not in ANY_HOST:
            parts.shedding.admit(request)
        admission = parts.admission
        admission.check_transport(request, any_host=request.path in ANY_HOST)
        admission.check_method(request)
        if request.path == "/":
            return redirect("/chat")
        if request.route is not None and not mounts.is_ours(request.route, request.app):
            raise ApiError(404, "not_found", "There is nothing at this address.")
        return None

    async def _on_response(self, request: Request, response: BaseHTTPResponse) -> None:
        if self._stopping and request.stream is not None:
            # A connection that is kept for a next request would hold the stop up.
            request.stream.keep_alive = False
        self._finish(response)
        observing.answered(request, response)
        if self._built is not None:
            await self._built.refusals.note(getattr(request.ctx, "refused", ""))

    def _for_people(self, request: Request, refusal: HTTPResponse) -> HTTPResponse:
        if self._services is None or not dead_ends.is_navigation(request):
            return refusal
        return dead_ends.page(refusal, self._services.settings.server.origin.rstrip("/"))

    def _finish(self, response: BaseHTTPResponse) -> None:
        observing.mark(response)
        secure(response, self._built.headers if self._built else _BEFORE_START)
