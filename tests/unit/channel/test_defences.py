"""Every request that should not get in does not, and every response carries the headers."""

from __future__ import annotations

import json
import re
import socket
import ssl
import warnings

import httpx
import pytest

from gatehouse.channel.headers import HEADERS, header_set
from gatehouse.channel.routes import ROUTES
from tests.door import at_the_door
from tests.unit.channel.harness import PASSWORD, Site, say, sign_in

MESSAGE = {"id": "message-1", "text": "hello"}


def assert_finished(response: httpx.Response) -> None:
    """All security headers, nothing for other origins, nothing about the server."""
    for name, value in HEADERS.items():
        assert value == response.headers.get(name), name
    assert "max-age=" in response.headers["strict-transport-security"]
    names = {name.lower() for name in response.headers}
    assert not [name for name in names if name.startswith("access-control-")]
    assert "server" not in names
    for word in ("Traceback", "rasa", "Rasa", "sanic", "Sanic", "gatehouse/", ".py"):
        assert word not in response.text or response.headers["content-type"].startswith("text/")


def test_every_answer_carries_the_headers(site: Site) -> None:
    """Pages, answers, redirects and every kind of error."""
    client = site.signed_in()
    answers = {
        200: client.get("/chat"),
        302: client.get("/"),
        404: client.get("/version"),
        405: client.put("/chat"),
        400: client.post("/api/v1/messages", json={"id": "x", "text": "y"}),
        413: client.post("/api/v1/messages", json={"id": "message-1", "text": "y" * 20000}),
        415: client.post("/api/v1/messages", content="id=1"),
        403: client.post("/api/v1/messages", json=MESSAGE, headers={"X-CSRF-Token": "no"}),
        401: site.client().get("/api/v1/session"),
    }
    for status, answer in answers.items():
        assert status == answer.status_code
        assert_finished(answer)


def test_an_unexpected_failure_tells_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A 500 has the headers and no words of the exception, and the log has no text either."""
    client = site.signed_in()

    def fail(*_: object) -> None:
        raise ValueError("my secret words")

    site.services.directory.get = fail
    answer = client.get("/api/v1/session")
    assert (500, "internal") == (answer.status_code, answer.json()["error"]["code"])
    assert_finished(answer)
    assert "secret words" not in answer.text + caplog.text
    assert "ValueError" in caplog.text


@pytest.mark.parametrize("line", ["GET /chat HTTP/9.9", "NONSENSE", "GET /\u00fc HTTP/1.1"])
def test_malformed_http_gets_a_finished_answer(site: Site, line: str) -> None:
    """Even what never became a request is answered with the headers."""
    head = exchange(site, f"{line}\r\nHost: localhost:{site.port}\r\n\r\n")
    assert "content-security-policy: default-src 'none'" in head
    assert "Traceback" not in head


def exchange(site: Site, text: str) -> str:
    with (
        socket.create_connection(("127.0.0.1", site.port), 10) as plain,
        site.tls().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(text.encode())
        received = b""
        connection.settimeout(10)
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                break
            received += part
    return received.decode("latin-1").lower()


def test_the_banner_is_gone(site: Site) -> None:
    """The root leads to the chat page, not to Rasa's version."""
    answer = site.client().get("/")
    assert (302, "/chat") == (answer.status_code, answer.headers["location"])


def test_options_is_refused(site: Site) -> None:
    """No preflight is ever answered, although Rasa mounts CORS for every origin."""
    answer = site.client().options(
        "/api/v1/messages",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert 405 == answer.status_code
    assert_finished(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/messages", "/api/v1/session"])
def test_requests_of_other_sites_are_refused(
    site: Site, path: str, headers: dict[str, str]
) -> None:
    """Another or no origin cannot change anything, not even sign in."""
    answer = site.signed_in().post(path, json=MESSAGE, headers=headers)
    assert (403, "origin") == (answer.status_code, answer.json()["error"]["code"])
    assert [] == site.agent.heard


def test_reading_from_another_site_is_refused(site: Site) -> None:
    """History cannot be embedded by another site."""
    answer = site.signed_in().get("/api/v1/history", headers={"Sec-Fetch-Site": "cross-site"})
    assert 403 == answer.status_code


@pytest.mark.parametrize("token", ["", "wrong", "\u00fc"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/messages"),
        ("POST", "/api/v1/buttons"),
        ("POST", "/api/v1/session/extension"),
        ("POST", "/api/v1/challenges/abc"),
        ("DELETE", "/api/v1/challenges/abc"),
        ("DELETE", "/api/v1/conversation"),
        ("DELETE", "/api/v1/session"),
    ],
)
def test_every_change_needs_the_csrf_token(site: Site, method: str, path: str, token: str) -> None:
    """The cookie alone changes nothing."""
    client = site.signed_in()
    headers = {"X-CSRF-Token": token.encode("latin-1")}
    answer = client.request(method, path, headers=headers)
    assert (403, "csrf") == (answer.status_code, answer.json()["error"]["code"])


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", ""]
)
def test_other_content_types_are_refused(site: Site, kind: str) -> None:
    """A form of another site cannot be taken for JSON."""
    answer = site.signed_in().post(
        "/api/v1/messages", content=json.dumps(MESSAGE), headers={"Content-Type": kind}
    )
    assert 415 == answer.status_code


def test_text_over_the_limit_is_refused(site: Site) -> None:
    """2 000 characters pass, one more does not."""
    client = site.signed_in()
    assert 200 == say(client, "x" * 2000, "message-1").status_code
    answer = say(client, "x" * 2001, "message-2")
    assert (400, "too_long") == (answer.status_code, answer.json()["error"]["code"])


def test_a_chunked_body_is_capped(site: Site) -> None:
    """A body without a declared length is cut off at the limit."""
    client = site.signed_in()
    pieces = (b" " * 1000 for _ in range(40))
    answer = client.post(
        "/api/v1/messages", content=pieces, headers={"Content-Type": "application/json"}
    )
    assert 413 == answer.status_code


def test_a_foreign_host_name_is_refused(site: Site) -> None:
    """A name that was rebound to our address gets nothing."""
    answer = site.client().get("/chat", headers={"Host": "evil.example"})
    assert 421 == answer.status_code
    assert_finished(answer)


def test_plain_tls_versions_below_1_2_are_refused(site: Site) -> None:
    """TLS 1.1 does not connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of TLS 1.1, too
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", site.port), 10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain)


def test_sign_ins_of_one_address_are_limited(site: Site) -> None:
    """The 21st attempt of a minute is refused with the time to wait, whatever the password."""
    client = site.client()
    for number in range(20):
        sign_in(client, "wrong password", username=f"nobody{number}")
    answer = sign_in(client)
    assert 429 == answer.status_code
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert_finished(answer)


def test_messages_of_one_person_are_limited(site: Site) -> None:
    """The 31st message of a minute is refused and does not reach Rasa; a repetition is free."""
    client = site.signed_in()
    for number in range(30):
        assert 200 == say(client, "hello", f"message-{number:02d}").status_code
    assert 429 == say(client, "hello", "message-30").status_code
    assert 200 == say(client, "hello", "message-29").status_code
    assert 30 == len(site.agent.heard)
    site.clock.advance(61)
    assert 200 == say(client, "hello", "message-31").status_code


# Front ends have tests of their own.
NO_BROWSERS = [("front_ends", name) for name in ("token", "renew", "register", "replace_key")]
API = [
    (method, path, name)
    for method, path, part, name in ROUTES
    if path.startswith("/api/v1/") and part != "hooks" and (part, name) not in NO_BROWSERS
]
OPEN = ("sign_in",)  # to who has no session yet


def address(path: str) -> str:
    return re.sub(r"<\w+:str>", "a" * 32, path)


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, name in API if name not in OPEN]
)
def test_a_stranger_gets_nothing(site: Site, method: str, path: str) -> None:
    """Every endpoint but the sign-in refuses who has no session, or one that nobody opened."""
    for cookie in ({}, {"Cookie": "__Host-gatehouse=" + "A" * 43}):
        answer = site.client().request(
            method,
            address(path),
            headers={"X-CSRF-Token": "A" * 43, **cookie},
            **({"json": {"id": "message-1", "text": "hello"}} if method == "POST" else {}),
        )
        assert (401, ["error"]) == (answer.status_code, list(answer.json()))
        assert "__Host-gatehouse=" not in answer.headers.get("set-cookie", "")
    assert ([], []) == (site.agent.heard, site.audit.entries)


BODIES = {
    "sign_in": {"username": "erin.walsh", "password": PASSWORD},
    "extend": {},
    "message": MESSAGE,
    "button": {"id": "message-1", "button": "abc"},
    "code": {"id": "message-1", "code": "123456"},
}


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for method, path, name in API if method == "POST"]
)
@pytest.mark.parametrize("field", ["sender", "conversation", "roles", "channel", "metadata"])
def test_no_body_names_its_speaker(site: Site, path: str, name: str, field: str) -> None:
    """A field that the server decides is refused wherever it is sent."""
    body = {**BODIES.get(name, {}), field: "someone"}
    client = site.signed_in()
    door = at_the_door(client) if name == "sign_in" else {}
    answer = client.post(address(path), json=body, headers=door)
    assert (400, "invalid") == (answer.status_code, answer.json()["error"]["code"])
    assert ([], ["sign_in"]) == (site.agent.heard, site.audit.kinds())


def test_malformed_sign_ins_do_not_lock_an_address_out(site: Site) -> None:
    """They are limited by themselves, more generously, and a real sign-in still passes."""
    client = site.client()
    client.headers.update(at_the_door(client))
    for body in ("garbage", "{}", '{"username": "erin.walsh"}') * 10:
        answer = client.post(
            "/api/v1/session", content=body, headers={"Content-Type": "application/json"}
        )
        assert 400 == answer.status_code
    assert 200 == sign_in(client).status_code
    client.headers.update(at_the_door(client))
    for _ in range(site.settings.limits.strangers_per_minute - 32):
        assert 415 == client.post("/api/v1/session", content="garbage").status_code
    assert 429 == client.post("/api/v1/session", content="garbage").status_code
    assert 200 == sign_in(client).status_code


def test_pages_that_may_embed_are_named_one_by_one() -> None:
    """With `server.framed_by` exactly those origins may; nothing else of the headers changes."""
    given = header_set("https://desk.example.org", ("https://intranet.example.org",))
    closed = header_set("https://desk.example.org")
    assert "frame-ancestors https://intranet.example.org;" in given["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in closed["Content-Security-Policy"]
    assert {"X-Frame-Options"} == closed.keys() - given.keys()
    changed = {name for name in given if given[name] != closed[name]}
    assert {"Content-Security-Policy"} == changed
