"""What must hold on every route of the channel, whatever is answered there."""

from __future__ import annotations

import re

import pytest

from gatehouse.channel import body, event_stream
from gatehouse.channel.routes import ROUTES
from tests.unit.channel.harness import PASSWORD, Site, sign_in
from tests.unit.channel.test_defences import address, assert_finished, exchange

PATHS = sorted({address(path) for _, path, *_ in ROUTES})


def test_every_route_carries_the_headers(site: Site) -> None:
    """Whatever method is used, signed in or not: the full set of headers, and no failure of ours."""
    me, stranger = site.signed_in(), site.client()
    for method, path, _, name in ROUTES:
        if name in ("events", "sign_out", "end_sessions", "end_session"):
            continue  # they end what the others need; each has its own test
        for client in (stranger, me):
            answer = client.request(method, address(path), **_body(method))
            assert_finished(answer)
            assert answer.status_code not in (500, 502), (method, path)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused_everywhere(site: Site, method: str) -> None:
    """405 with the headers on every address, also for preflights; nothing reaches a handler."""
    client = site.signed_in()
    for path in PATHS:
        head = exchange(site, f"{method} {path} HTTP/1.1\r\nHost: localhost:{site.port}\r\n\r\n")
        status = head.split()[1] if head else ""
        assert status in ("400", "405"), (method, path, head[:80])
        assert "content-security-policy: default-src 'none'" in head
    assert ([], 200) == (site.agent.heard, client.get("/api/v1/session").status_code)


def test_a_known_method_at_the_wrong_address_says_which_are_right(site: Site) -> None:
    """405 names the methods that the address takes (RFC 9110 section 15.5.6)."""
    answer = site.signed_in().post("/api/v1/history", json={})
    assert 405 == answer.status_code
    assert "GET" in answer.headers["allow"]
    assert_finished(answer)


def test_a_throttled_answer_carries_the_headers(site: Site) -> None:
    """429 says how long to wait, and has everything that other answers have."""
    client = site.client()
    for _ in range(site.settings.limits.sign_ins_per_minute):
        sign_in(client, "wrong password", username="nobody.here")
    answer = sign_in(client, PASSWORD)
    assert 429 == answer.status_code
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert_finished(answer)


def test_refused_event_streams_carry_the_headers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For strangers, other sites and one window too many; and a stream that is given has them too."""
    client = site.signed_in()
    other = client.get("/api/v1/events", headers={"Sec-Fetch-Site": "cross-site"})
    refused = {401: site.client().get("/api/v1/events"), 403: other}
    monkeypatch.setattr(event_stream, "LONGEST", 0.0)
    refused[200] = client.get("/api/v1/events")
    monkeypatch.setattr("gatehouse.channel.streams.MOST_STREAMS", 0)
    refused[429] = client.get("/api/v1/events")
    for status, answer in refused.items():
        assert status == answer.status_code
        assert_finished(answer)


def test_a_slow_body_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come within its time is answered 408, and the connection is closed."""
    monkeypatch.setattr(body, "READ_TIMEOUT", 0.2)
    me = site.signed_in()
    cookie = "; ".join(f"{one.name}={one.value}" for one in me.cookies.jar)
    lines = (
        *("POST /api/v1/messages HTTP/1.1", f"Host: localhost:{site.port}", f"Cookie: {cookie}"),
        *(f"Origin: {site.origin}", f"X-CSRF-Token: {me.headers['X-CSRF-Token']}"),
        *(f"User-Agent: {me.headers['User-Agent']}", "Content-Type: application/json"),
        "Content-Length: 100",
    )
    head = exchange(site, "\r\n".join(lines) + '\r\n\r\n{"id"')
    assert "408" == head.split()[1]
    assert "connection: close" in head


def test_invisible_and_reversing_signs_do_not_reach_rasa(site: Site) -> None:
    """Controls, zero-width signs and bidi overrides are taken out of what a person writes."""
    text = "pay\u202eroll\u200b \u2066for\u2069\u0007 me\u0000"
    client = site.signed_in()
    answer = client.post("/api/v1/messages", json={"id": "message-1", "text": text})
    assert 200 == answer.status_code
    assert "payroll for me" == site.agent.heard[0].text


def test_a_deep_body_is_refused_before_it_is_parsed(site: Site) -> None:
    """A thousand brackets are no message, and cost no failure."""
    client = site.signed_in()
    deep = '{"id":' + "[" * 1000 + "]" * 1000 + "}"
    answer = client.post(
        "/api/v1/messages", content=deep, headers={"Content-Type": "application/json"}
    )
    assert (400, "malformed") == (answer.status_code, answer.json()["error"]["code"])


def _body(method: str) -> dict[str, object]:
    return {"json": {"id": "message-1"}} if method == "POST" else {}


def test_every_route_is_reached_here() -> None:
    """No path parameter of a route is left in the addresses that these tests send."""
    assert [] == [path for path in PATHS if re.search("[<>]", path)]
