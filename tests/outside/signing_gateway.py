"""Stands between a tool that knows nothing of keys and a deployment: signs what passes, as a front end would.

Takes plain HTTP on loopback; everything but what belongs to the connection is passed on as it came.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

from tests.front_end import Caller

_OURS = frozenset({"authorization", "connection", "content-length", "cookie", "dpop", "host"})
_OF_THE_CONNECTION = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class SigningGateway:
    """Passes requests on in the name of `caller`, which has a token."""

    def __init__(self, caller: Caller) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                answer = _passed(caller, self, self.rfile.read(length))
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name.lower() not in _OF_THE_CONNECTION:
                        self.send_header(name, value)
                if answer.status_code != 204:
                    self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.content)

            do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _pass
            do_HEAD = do_OPTIONS = do_TRACE = do_QUERY = _pass

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _passed(caller: Caller, request: Any, body: bytes) -> httpx.Response:
    method, target = request.command, request.path
    given = [(name, value) for name, value in request.headers.items() if name.lower() not in _OURS]
    path = target.partition("?")[0].partition("#")[0]
    # As it came: the client would otherwise write the path in another way than it was signed.
    address = caller.http.base_url.copy_with(raw_path=target.encode("latin-1"))
    headers = [*given, *caller.proven(method, path).items()]
    made = httpx.Request(
        method,
        address,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers],
        content=body,
    )
    try:
        return caller.http.send(made)
    except httpx.LocalProtocolError:
        # Such a header never leaves this client; what the server says of one is tested by hand.
        refused = {"error": {"code": "bad_request", "message": "The request is not valid."}}
        return httpx.Response(400, json=refused)
