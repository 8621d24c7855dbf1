"""Health and metrics on a port of their own, on loopback only.

For a Prometheus or a probe beside the server. It runs in a thread of its own, so that it answers
while the event loop does not, and has no setting for another address: plain HTTP without a token
must never be reachable from another machine. Web pages cannot read it either: it answers to names
of this machine only (DNS rebinding).
"""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from gatehouse import metrics
from gatehouse.errors import NotReady
from gatehouse.health import Readiness
from gatehouse.logs import get_logger, place_of

ADDRESS = "127.0.0.1"
HOSTS = frozenset({"127.0.0.1", "localhost"})
TIMEOUT = 5.0  # seconds for a whole request; one is served at a time

log = get_logger(__name__)
Answer = tuple[str, str, bytes]
_TEXT = "text/plain; charset=utf-8"


class Listener:
    """The port of one process; `port` 0 takes a free one."""

    def __init__(self, readiness: Readiness, port: int) -> None:
        try:
            self._server = _Server((ADDRESS, port), _Handler)
        except OSError as error:
            raise NotReady(
                f"metrics.port: {port} on {ADDRESS} cannot be used", "choose a free port"
            ) from error
        self._server.set_app(_application(readiness))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT)


def _application(readiness: Readiness) -> Callable[..., Iterable[bytes]]:
    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = _answer(readiness, environ)
        start(status, [("Content-Type", kind), ("Cache-Control", "no-store")])
        return [body]

    return application


def _answer(readiness: Readiness, environ: dict[str, Any]) -> Answer:
    if str(environ.get("HTTP_HOST", "")).rsplit(":", 1)[0].lower() not in HOSTS:
        return "421 Misdirected Request", _TEXT, b"not this host"
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return "405 Method Not Allowed", _TEXT, b"only GET"
    if environ["PATH_INFO"] == "/metrics":
        body, kind = metrics.exposition()
        return "200 OK", kind, body
    if environ["PATH_INFO"] == "/healthz":
        return "200 OK", _TEXT, b"ok"
    if environ["PATH_INFO"] == "/readyz":
        if readiness.ready:
            return "200 OK", _TEXT, b"ready"
        return "503 Service Unavailable", _TEXT, b"not ready"
    return "404 Not Found", _TEXT, b"nothing here"


class _Server(WSGIServer):
    request_queue_size = 16

    def server_bind(self) -> None:
        # Without the reverse look-up of the standard library, which waits for a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, _request: Any, _client: Any) -> None:
        log.warning("a look at the metrics failed", error=place_of(sys.exc_info()[1]))


class _Handler(WSGIRequestHandler):
    timeout = TIMEOUT

    def log_message(self, format: str, *args: Any) -> None:
        pass
