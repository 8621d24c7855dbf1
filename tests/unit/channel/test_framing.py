"""Requests that can be read in two ways, and requests that never quite arrive."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from gatehouse.channel.framing import is_plain
from tests.patience import PATIENCE
from tests.unit.channel.harness import Site

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: %s\r\n\r\n"
AMBIGUOUS = {
    "space before the colon": b"Content-Length : 5",
    "space before a name": b" Content-Length: 5",
    "folded": b"X-A: b\r\n c: d",
    "digits of another script": "Content-Length: \u0665".encode(),
    "signed length": b"Content-Length: +5",
    "length twice": b"Content-Length: 5\r\nContent-Length: 5",
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "unknown coding": b"Transfer-Encoding: gzip, chunked",
    "two hosts": b"Host: other.example",
    "bare line feed": b"X-A: b\nContent-Length: 5",
    "bare carriage return": b"X-A: b\rContent-Length: 5",
    "NUL": b"X-A: b\x00",
    "no colon": b"Content-Length",
    "no name": b": 5",
}


def connected(site: Site) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE)
    return site.tls().wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("line", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_head_with_two_meanings_is_none(line: bytes) -> None:
    """What a proxy may read otherwise is not plain; without that line it is."""
    head = b"POST / HTTP/1.1\r\nHost: localhost"
    assert is_plain(head)
    assert not is_plain(head + b"\r\n" + line)


def test_what_browsers_send_is_plain() -> None:
    """Ordinary headers, non-ASCII values and tabs included, have one meaning."""
    head = (
        b"POST /api/v1/messages HTTP/1.1\r\nHost: localhost:5005\r\nContent-Length: 12\r\n"
        b"Accept: */*\r\nX-Empty:\r\nX-Tab: a\tb\r\nUser-Agent: caf\xc3\xa9 (x; y)\r\n"
        b'sec-ch-ua: "Chromium";v="140"\r\nCookie: a=b; c=d'
    )
    assert is_plain(head)


@pytest.mark.parametrize("name", ["space before the colon", "digits of another script"])
def test_a_hidden_request_is_never_answered(site: Site, name: str) -> None:
    """The request is refused, and what came behind it on the connection is not read."""
    host = f"localhost:{site.port}".encode()
    head = b"POST /api/v1/session HTTP/1.1\r\nHost: " + host + b"\r\n" + AMBIGUOUS[name]
    with connected(site) as link:
        link.sendall(head + b"\r\n\r\n" + HIDDEN % host)
        received = b""
        while part := link.recv(65536):
            received += part
    assert received.startswith(b"HTTP/1.1 400")
    assert 1 == received.count(b"HTTP/1.1")


@pytest.mark.parametrize("whole_head", [False, True], ids=["head", "body"])
def test_a_request_that_drips_is_ended(site: Site, whole_head: bool) -> None:
    """Bytes that come one by one do not start the time of a request again."""
    for name in ("REQUEST_TIMEOUT", "RESPONSE_TIMEOUT", "KEEP_ALIVE_TIMEOUT"):
        site.app.config[name] = 1
    head = b"GET /nothing HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 9000" % site.port
    with connected(site) as link:
        link.sendall(head + (b"\r\n\r\n" if whole_head else b""))
        link.settimeout(0.1)
        until = time.monotonic() + PATIENCE
        while not ended(link):
            assert time.monotonic() < until, "it was never ended"


def ended(link: ssl.SSLSocket) -> bool:
    """Whether the server closed the connection; sends one byte more if not."""
    try:
        while link.recv(65536):
            pass
    except TimeoutError:
        pass
    except OSError:
        return True
    else:
        return True
    try:
        link.sendall(b"a")
    except OSError:
        return True
    return False
