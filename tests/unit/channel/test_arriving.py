"""Slow requests over many connections: a source has a few places, and others are served."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from gatehouse.channel import arriving
from tests.patience import PATIENCE
from tests.unit.channel.harness import Site, say

FEW = 6


@pytest.fixture(autouse=True)
def _few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "MOST", FEW)


def connection(site: Site) -> ssl.SSLSocket:
    context = site.tls()
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", site.port), 10), server_hostname="localhost"
    )


@contextmanager
def slow(site: Site, beginning: str) -> Iterator[list[ssl.SSLSocket]]:
    """As many connections as there are places, each in the middle of a request."""
    made = [connection(site) for _ in range(FEW)]
    for one in made:
        one.sendall(beginning.encode())
    try:
        yield made
    finally:
        for one in made:
            one.close()


def ends_unanswered(site: Site) -> bool:
    """Whether one connection more is closed without an answer."""
    with connection(site) as one:
        one.settimeout(10)
        try:
            one.sendall(b"GET /chat HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % site.port)
            return one.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


def head(site: Site, length: int) -> str:
    lines = (
        *("POST /api/v1/session HTTP/1.1", f"Host: localhost:{site.port}"),
        *(f"Origin: {site.origin}", "Content-Type: application/json"),
        f"Content-Length: {length}",
    )
    return "\r\n".join(lines) + "\r\n\r\n"


def test_slow_headers_hold_a_few_places_only(site: Site) -> None:
    """The connection after the last place is closed at once; who is connected already is served."""
    client = site.signed_in()
    with slow(site, "GET /chat HTTP/1.1\r\nHost: local"):
        eventually(lambda: ends_unanswered(site))
        assert 200 == client.get("/api/v1/session").status_code
    eventually(lambda: 200 == site.client().get("/chat").status_code)


def test_slow_bodies_hold_a_few_places_only(site: Site) -> None:
    """Requests whose body does not come count the same; a message of a served person waits in words."""
    client = site.signed_in()
    with slow(site, head(site, 100) + '{"username": "erin'):
        eventually(lambda: ends_unanswered(site))
        answer = say(client, "hello")
        assert (503, "busy") == (answer.status_code, answer.json()["error"]["code"])
        assert "retry-after" in answer.headers
    eventually(lambda: 200 == site.client().get("/chat").status_code)


def test_a_request_that_arrived_gives_its_place_back(site: Site) -> None:
    """More requests than places, each complete, one after the other and on kept connections."""
    clients = [site.signed_in() for _ in range(2)]
    for number in range(FEW * 3):
        assert 200 == say(clients[number % 2], "hello", f"message-{number:02d}").status_code
    many = []
    for _ in range(FEW * 3):
        many.append(one := connection(site))
        one.sendall(b"GET /chat HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % site.port)
        assert one.recv(12).endswith(b"200")
    for one in many:
        one.close()


def eventually(found: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until `found()` is true, also when the connection is refused at first."""
    until = time.monotonic() + seconds
    while True:
        try:
            if found():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)
