"""Protects the HTTP surface of `rasa run actions`, which rasa-sdk leaves open to anyone.

rasa-sdk 3.6.2 has no authentication, inflates bodies without limit, and quotes the whole request
when something fails. Its plug-in hook lets us in before the server starts: every request but the
health check must be signed by the Rasa server of this deployment, once; bodies are bounded before
and after inflating; errors say nothing. The hook is registered by importing any guarded action, so
a project cannot have the actions without it.
"""

from __future__ import annotations

import asyncio
import zlib

import pluggy
from rasa_sdk.plugin import plugin_manager
from rasa_sdk.utils import number_of_sanic_workers
from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse, json

from gatehouse.audit import AuditLog
from gatehouse.clock import Clock
from gatehouse.dialogue import admissions
from gatehouse.errors import NotReady
from gatehouse.identity.calls import SIGNATURE, Call, Callee, CallRefused
from gatehouse.logs import get_logger, place_of
from gatehouse.policy import PolicyStore

log = get_logger(__name__)
hook = pluggy.HookimplMarker("rasa_sdk")

MOST_BODY = 8 << 20
"""Bytes of a call, as sent and again when inflated: domain and a bounded conversation fit."""

ENTRY_EVERY = 60.0
"""Seconds between two audit entries of refused calls for one reason; each says how many there were."""

POLICY_POLL = 0.5  # seconds; an edit is taken when two looks in a row agree
_OPEN = "/health"
_FIRST = 1000  # of the request middleware; last of the response middleware
_NAME = "gatehouse"


async def _follow(policies: PolicyStore) -> None:
    """Take edits of the policies, as the channel does in its process: actions decide here."""
    while True:
        await asyncio.sleep(POLICY_POLL)
        try:
            await asyncio.to_thread(policies.poll)
        except Exception as error:  # noqa: BLE001 - outlives a database that is away for a while
            log.error("policies not looked at", error=place_of(error))


def protect() -> None:
    """Protect every action server that this process may start; safe to call twice."""
    manager = plugin_manager()
    if not manager.has_plugin(_NAME):
        manager.register(_Plugin(), _NAME)


class _Plugin:
    @hook
    def attach_sanic_app_extensions(self, app: Sanic) -> None:
        """Called by rasa-sdk with its application, before it serves."""
        if number_of_sanic_workers() > 1:
            raise NotReady(
                "an action server with several workers cannot tell a repeated call",
                "take ACTION_SERVER_SANIC_WORKERS out of the environment",
            )
        ActionServer().take_charge(app)


class Refusals:
    """Writes refused calls to the audit log, not more than an entry per reason and minute."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def count(self, reason: str) -> None:
        """Count one refused call; raises `AuditUnavailable` when it cannot be recorded."""
        now = self._clock.now()
        self._unsaid[reason] = self._unsaid.get(reason, 0) + 1
        if 0 <= now - self._last.get(reason, -ENTRY_EVERY) < ENTRY_EVERY:
            return
        self._audit.append("call_refused", reason=reason, calls=self._unsaid[reason])
        self._last[reason] = now
        self._unsaid[reason] = 0


class ActionServer:
    """In charge of rasa-sdk's application: admits signed calls, signs answers, hides errors."""

    def __init__(self) -> None:
        self._callee: Callee | None = None
        self._refusals: Refusals | None = None
        self._following: asyncio.Task[None] | None = None

    def take_charge(self, app: Sanic) -> None:
        app.config.update(
            {
                "ACCESS_LOG": False,
                "FALLBACK_ERROR_FORMAT": "json",
                "MOTD": False,
                "NOISY_EXCEPTIONS": False,
                "REQUEST_MAX_SIZE": MOST_BODY,
                "REQUEST_TIMEOUT": 15,
            }
        )
        app.error_handler = _QuietErrorHandler(self)
        app.register_middleware(self._admit, "request", priority=_FIRST)
        app.register_middleware(self._on_response, "response", priority=_FIRST)
        app.register_listener(self._start, "before_server_start")
        app.register_listener(self._stop, "before_server_stop")

    async def _start(self, _app: Sanic, _loop: object = None) -> None:
        from gatehouse.runtime import current

        runtime = current()
        self._callee = Callee(runtime.call_keys, runtime.clock)
        self._refusals = Refusals(runtime.audit, runtime.clock)
        self._following = asyncio.get_running_loop().create_task(_follow(runtime.policies))

    async def _stop(self, _app: Sanic, _loop: object = None) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _admit(self, request: Request) -> HTTPResponse | None:
        if request.method == "GET" and request.path == _OPEN:
            return None
        if self._callee is None or self._refusals is None:
            return _answer(503)
        encoding = request.headers.get("content-encoding", "")
        body = request.body or b""
        try:
            call = Call(request.method, request.path, encoding, body)
            admitted = self._callee.check(call, request.headers)
        except CallRefused as refused:
            log.warning("a call of the action server was refused", reason=refused.reason)
            self._refusals.count(refused.reason)
            return _answer(403)
        request.ctx.signed = True
        admissions.hand_over(admitted)
        if encoding:
            inflated = _inflate(body) if encoding == "deflate" else None
            if inflated is None:
                return _answer(400)
            # rasa-sdk would inflate without a limit; it gets plain bytes instead.
            request.body = inflated
            request.headers.pop("content-encoding")
        return None

    async def _on_response(self, request: Request, response: BaseHTTPResponse) -> None:
        self.finish(request, response)

    def finish(self, request: Request, response: BaseHTTPResponse) -> None:
        """Sign the answer to a signed call, and take off what rasa-sdk's CORS adds."""
        for name in [
            name for name in response.headers if name.lower().startswith("access-control")
        ]:
            response.headers.pop(name)
        if self._callee is None or not getattr(request.ctx, "signed", False):
            return
        signature = self._callee.sign_answer(request.headers, response.status, response.body or b"")
        if signature is not None:
            response.headers[SIGNATURE] = signature


class _QuietErrorHandler(ErrorHandler):
    """Answers every exception with its status alone; logs type and place, never text."""

    def __init__(self, server: ActionServer) -> None:
        super().__init__()
        self._server = server

    def response(self, request: Request, exception: Exception) -> HTTPResponse:
        if not isinstance(exception, SanicException):
            log.error("a call of the action server failed", error=place_of(exception))
        answer = _answer(exception.status_code if isinstance(exception, SanicException) else 500)
        self._server.finish(request, answer)
        return answer


def _answer(status: int) -> HTTPResponse:
    return json({"error": "refused" if status < 500 else "failed"}, status=status)


def _inflate(body: bytes) -> bytes | None:
    """`body` inflated; None when it is not one whole zlib stream of at most `MOST_BODY` bytes."""
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(body, MOST_BODY)
    except zlib.error:
        return None
    return inflated if stream.eof and not stream.unused_data else None
