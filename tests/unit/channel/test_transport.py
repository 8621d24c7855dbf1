"""HTTP itself: which methods there are, where a message ends, how long a browser remembers HTTPS."""

from __future__ import annotations

import socket

from gatehouse.channel.headers import header_set
from tests.unit.channel.harness import Site, say
from tests.unit.channel.test_defences import assert_finished


def test_browsers_remember_https_for_a_year() -> None:
    """With subdomains, on every public name (ASVS v5.0.0-3.4.1); for minutes only on loopback."""
    assert (
        "max-age=31536000; includeSubDomains"
        == (header_set("https://desk.example.org")["Strict-Transport-Security"])
    )
    for name in ("localhost:5005", "127.0.0.1", "[::1]:5005"):
        assert "max-age=300" == header_set(f"https://{name}")["Strict-Transport-Security"]


def test_other_methods_are_refused(site: Site) -> None:
    """No debugging method, none that nobody needs, wherever it is sent (ASVS v5.0.0-13.4.4)."""
    client = site.client()
    for path in ("/chat", "/api/v1/session", "/api/v1/history", "/nowhere"):
        for method in ("TRACE", "PUT", "PATCH", "OPTIONS", "PROPFIND"):
            answer = client.request(method, path, headers={"X-Marked": "reflected?"})
            assert answer.status_code in (400, 404, 405), (method, path)
            assert "reflected?" not in answer.text
            assert_finished(answer)


def test_a_message_has_the_length_it_says(site: Site) -> None:
    """Pages, answers, refusals and empty ones (ASVS v5.0.0-4.2.2)."""
    client = site.signed_in()
    for answer in (
        client.get("/chat"),
        client.get("/api/v1/session"),
        say(client, "hello"),
        client.get("/nowhere"),
        site.client().get("/api/v1/history"),
    ):
        assert str(len(answer.content)) == answer.headers["content-length"]
        assert "transfer-encoding" not in answer.headers


def test_two_lengths_are_not_two_messages(site: Site) -> None:
    """With both lengths one answer comes and the connection ends (ASVS v5.0.0-4.2.1, RFC 9112 6.1).

    So what a proxy took for the rest of a body is never read as the next request.
    """
    host = f"Host: localhost:{site.port}\r\n"
    hidden = f"GET /chat HTTP/1.1\r\n{host}\r\n"
    lengths = f"Content-Length: {len(hidden) + 5}\r\nTransfer-Encoding: chunked\r\n"
    received = b""
    with (
        socket.create_connection(("127.0.0.1", site.port), 30) as plain,
        site.tls().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(
            f"POST /api/v1/session HTTP/1.1\r\n{host}{lengths}\r\n0\r\n\r\n{hidden}".encode()
        )
        while part := connection.recv(65536):
            received += part
    assert 1 == received.count(b"HTTP/1.1 ")
    assert received.startswith(b"HTTP/1.1 4")


def test_cookies_are_small(site: Site) -> None:
    """Name and value of each are far from the 4096 bytes of browsers (ASVS v5.0.0-3.3.5)."""
    client = site.signed_in()
    client.get("/chat")
    jar = [(cookie.name, cookie.value or "") for cookie in client.cookies.jar]
    assert len(jar) >= 2
    assert max(len(name) + len(value) for name, value in jar) < 1024
