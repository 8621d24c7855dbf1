"""The other system of a webhook: a real HTTPS server on loopback that answers as a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatehouse.ops.authority import LocalAuthority

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class OtherSystem:
    """What it got, and what it answers next; the last answer is repeated."""

    port: int
    authority: str
    answers: list[Answer] = field(default_factory=lambda: [(200, {}, b"{}")])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def other_system(authority: LocalAuthority) -> Iterator[OtherSystem]:
    """A server that trusts nobody and is trusted through its own authority."""
    system = OtherSystem(0, str(authority.certificate_file))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            system.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            first = len(system.answers) > 1
            status, headers, content = system.answers.pop(0) if first else system.answers[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    system.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield system
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
