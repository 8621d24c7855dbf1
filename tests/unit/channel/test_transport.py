"""HTTP itself: which methods there are, where a message ends, how long a browser remembers HTTPS."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from gatehouse.channel.headers import header_set
from tests.unit.channel.harness import Site, say
from tests.unit.channel.test_defences import assert_finished, exchange


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


def plain(site: Site, request: str) -> str:
    """What somebody gets who sends `request` without TLS, until the connection ends or rests."""
    received = b""
    with socket.create_connection(("127.0.0.1", site.port), 30) as connection:
        connection.sendall(request.encode())
        while b"\r\n\r\n" not in received and (part := connection.recv(65536)):
            received += part
    return received.decode()


def test_plain_http_is_told_where_the_page_is(site: Site) -> None:
    """Only the page for people leads on, to our own address, whatever host was asked for."""
    for path in ("/", "/chat"):
        told = plain(site, f"GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")
        assert told.startswith("HTTP/1.1 301 ")
        assert f"\r\nLocation: {site.origin}/chat\r\n" in told
    assert [] == site.agent.heard


def test_a_program_that_speaks_plain_http_is_refused(site: Site) -> None:
    """It is not led on, since it would go on in the open (ASVS v5.0.0-4.1.2); nothing is repeated."""
    for line in ("POST /chat", "GET /api/v1/session", "GET /chat?marked", "DELETE /"):
        told = plain(site, f"{line} HTTP/1.1\r\nHost: marked.example\r\n\r\n")
        assert told.startswith("HTTP/1.1 400 "), line
        assert "Location" not in told
        assert "marked" not in told


def test_a_handshake_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    """After `limits.handshake`, whether nothing or something else than TLS came."""
    begun = (b"", b"\x16\x03\x01\x02", b"GET /chat HTTP/1.1\r\n\r\n")
    with Site(tmp_path, GATEHOUSE_LIMITS_HANDSHAKE="1s") as site, ExitStack() as stack:
        for sent in begun:
            # Below the minute that is the event loop's own limit.
            connection = socket.create_connection(("127.0.0.1", site.port), 30)
            stack.enter_context(connection).sendall(sent)
            stack.callback(read_to_its_end, connection)


def read_to_its_end(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_a_head_that_cannot_be_read_is_called_that(site: Site) -> None:
    """Not plain HTTP, which it is not: whoever looks for the mistake would look at their proxy."""
    host = f"Host: localhost:{site.port}\r\n"
    for status, request in (
        (400, f"GET /chat HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
        (400, f"POST /chat HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        (413, f"GET /{'a' * 9000} HTTP/1.1\r\n{host}\r\n"),
    ):
        told = exchange(site, request)
        assert told.startswith(f"http/1.1 {status} "), request[:60]
        assert "content-security-policy: default-src 'none'" in told
    assert "request_refused" not in site.audit.kinds()


def test_who_hangs_up_leaves_no_error(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who gives up in the middle of a body does not fill the log with failures."""
    browser = site.signed_in()
    cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
    shown = {
        "Cookie": cookie,
        **{name: browser.headers[name] for name in ("X-CSRF-Token", "User-Agent")},
    }
    browser.close()
    while site.open_connections():
        time.sleep(0.01)
    with (
        socket.create_connection(("127.0.0.1", site.port), 10) as plain,
        site.tls().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        heads = {"Host": f"localhost:{site.port}", "Origin": site.origin, **shown}
        lines = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        connection.sendall(
            f"POST /api/v1/messages HTTP/1.1\r\n{lines}Content-Type: application/json\r\n"
            "Content-Length: 50\r\n\r\n{".encode()
        )
        # Only a request that is let in waits for the rest, for as long as a person may take to send it.
        while not any(one.http and one.http.request_body for one in site.open_connections()):
            time.sleep(0.01)
    while site.open_connections():
        time.sleep(0.01)
    assert "a request failed" not in caplog.text


def test_a_person_at_a_dead_end_sees_a_page(site: Site) -> None:
    """With a way to the chat, at our own address; a program gets JSON as ever."""
    client = site.client()
    going = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    for path, host in (("/no<where>", ""), ("/chat", "127.0.0.1.rebound.example")):
        answer = client.get(path, headers={**going, **({"Host": host} if host else {})})
        assert (421 if host else 404) == answer.status_code
        assert "text/html; charset=utf-8" == answer.headers["content-type"]
        assert f'href="{site.origin}/chat"' in answer.text
        assert "where" not in answer.text.replace("address", "")
        assert_finished(answer)
    assert "not_found" == client.get("/nowhere").json()["error"]["code"]
    refused = client.post("/nowhere", headers={"Sec-Fetch-Mode": "navigate"})
    assert "application/json" == refused.headers["content-type"]
