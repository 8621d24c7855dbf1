"""The web channel as Rasa mounts it.

`credentials.yml` names `gatehouse.channel.WebChannel`; `rasa run` builds it and registers its
blueprint, which also takes charge of the whole application: it checks every request before any
handler, finishes every response, and refuses to start next to anything that bypasses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse, redirect

from gatehouse import __version__, metrics
from gatehouse.channel import (
    dead_ends,
    framing,
    housekeeping,
    mounts,
    observing,
    pace,
    rasa_side,
)
from gatehouse.channel.body import READ_TIMEOUT
from gatehouse.channel.failures import ApiError, QuietErrorHandler
from gatehouse.channel.headers import HEADERS, secure
from gatehouse.channel.pages import Wording
from gatehouse.channel.parts import Parts, made
from gatehouse.channel.probes import ANY_HOST
from gatehouse.channel.routes import ROUTES
from gatehouse.channel.services import Services, of_this_process
from gatehouse.channel.turn_runner import TURN_TIMEOUT
from gatehouse.errors import GatehouseError, NotReady
from gatehouse.logs import get_logger, place_of
from gatehouse.production import require_fit
from gatehouse.tracker.store import open_to_channel

log = get_logger(__name__)

_FIRST = 1000  # of the request middleware, before Rasa's CORS; last of the response middleware

_BEFORE_START = {**HEADERS, "Strict-Transport-Security": "max-age=300"}

metrics.REQUEST_SECONDS.expect([*(name for *_, name in ROUTES), metrics.OTHER])

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
        for method, path, part, name in ROUTES:
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
        self._built: Parts | None = None
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
        app.register_listener(self._stopped, "after_server_stop")
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
        self._built = made(services, self._wording, lambda: rasa_side.ready_agent(app))

    async def _ready(self, app: Sanic, _loop: object = None) -> None:
        """Once the model is loaded: refuses to go on with one that protects nobody."""
        assert self._services is not None
        rasa_side.sign_action_calls(rasa_side.ready_agent(app), self._services.caller)
        housekeeping.start(app, self._services)
        observing.start(app, self._services, self._parts().readiness)
        rules = self._services.policies.current().revision
        log.info("serving", version=__version__, revision=rules[:8])

    async def _stop(self, app: Sanic, _loop: object = None) -> None:
        if self._stopping:  # an impatient second signal
            return
        self._stopping = True
        log.info("stopping, what is under way will be answered")
        if self._built is not None:
            self._built.streams.close()  # or the server would wait for open pages
        assert self._services is not None
        observing.stop(app)
        await housekeeping.stop(app)
        if self._built is not None:
            await self._built.windows.close()
            self._built.sending.close()
        await asyncio.to_thread(_record_stop, self._services)

    async def _stopped(self, app: Sanic, _loop: object = None) -> None:
        """Once every turn that was under way is answered."""
        log.info("stopped")
        if self._built is not None:
            await self._built.turn_loop.aclose()

    def _parts(self) -> Parts:
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
