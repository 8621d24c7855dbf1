"""Signing in, staying, leaving: only the right person, only for as long as allowed."""

from __future__ import annotations

import pytest

from gatehouse.identity.directory import NOBODY
from tests.unit.channel.harness import PASSWORD, Site, say, sign_in


def test_sign_in_sets_a_locked_down_cookie(site: Site) -> None:
    """The cookie is bound to the host and out of reach for scripts and other sites."""
    answer = sign_in(site.client())
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-gatehouse=")
    for part in ("Path=/", "HttpOnly", "SameSite=Strict", "Secure"):
        assert part in cookie
    assert "Domain" not in cookie
    body = answer.json()
    assert {"name": "Erin Walsh", "roles": ["employee"]} == body["person"]
    assert ["sign_in"] == site.audit.kinds()


@pytest.mark.parametrize("username", ["erin.walsh", "nobody.here"])
def test_refusals_look_alike(site: Site, username: str) -> None:
    """A wrong password and an unknown name get the same status and words; the log knows the account."""
    answer = sign_in(site.client(), "not the password", username=username)
    assert 401 == answer.status_code
    assert {
        "code": "sign_in_refused",
        "message": "The user name or the password is not right.",
    } == answer.json()["error"]
    assert "set-cookie" not in answer.headers
    tried = site.person.id if username == "erin.walsh" else NOBODY
    expected = ("sign_in_refused", {"person": tried, "reason": "credentials"})
    assert [expected] == site.audit.entries


def test_nobody_gets_in_when_it_cannot_be_recorded(site: Site) -> None:
    """Without the audit log there is no sign-in."""
    site.audit.broken = True
    answer = sign_in(site.client())
    assert answer.status_code >= 500
    assert "set-cookie" not in answer.headers


def test_an_initial_password_must_be_changed_first(site: Site) -> None:
    """Signing in with it is refused until a new one is given, which then counts."""
    site.directory.set_password(site.person.id, PASSWORD, must_change=True)
    client = site.client()
    refused = sign_in(client)
    assert (403, "initial_password") == (refused.status_code, refused.json()["error"]["code"])
    weak = sign_in(client, new_password="short")
    assert (400, "new_password") == (weak.status_code, weak.json()["error"]["code"])
    assert 200 == sign_in(client, new_password="copper kettle on the windowsill").status_code
    assert 401 == sign_in(site.client()).status_code


def test_signing_in_again_ends_the_old_session(site: Site) -> None:
    """A token that was there before sign-in is of no use afterwards."""
    client = site.signed_in()
    old = client.cookies["__Host-gatehouse"]
    sign_in(client)
    assert old != client.cookies["__Host-gatehouse"]
    other = site.client()
    other.cookies.set("__Host-gatehouse", old, domain="localhost.local", path="/")
    answer = other.get("/api/v1/session", headers={"Cookie": f"__Host-gatehouse={old}"})
    assert 401 == answer.status_code


def test_idle_and_absolute_limits(site: Site) -> None:
    """Fifteen minutes without a message, or eight hours in any case, and the session is over."""
    client = site.signed_in()
    site.clock.advance(14 * 60)
    assert 200 == client.post("/api/v1/session/extension", json={}).status_code
    site.clock.advance(14 * 60)
    assert 60 == client.get("/api/v1/session").json()["expires_in"]
    site.clock.advance(61)
    answer = client.get("/api/v1/session")
    assert (401, "idle") == (answer.status_code, answer.json()["error"]["reason"])


def test_looking_does_not_keep_a_session_alive(site: Site) -> None:
    """Reading history or the session is no sign of life."""
    client = site.signed_in()
    for _ in range(3):
        site.clock.advance(290)
        client.get("/api/v1/session")
        client.get("/api/v1/history")
    site.clock.advance(31)
    assert 401 == client.get("/api/v1/session").status_code


def test_sign_out_ends_everything(site: Site) -> None:
    """The cookie is removed and its token refused."""
    client = site.signed_in()
    token = client.cookies["__Host-gatehouse"]
    answer = client.delete("/api/v1/session")
    assert 204 == answer.status_code
    assert "Max-Age=0" in answer.headers["set-cookie"]
    again = site.client().get("/api/v1/session", headers={"Cookie": f"__Host-gatehouse={token}"})
    assert 401 == again.status_code
    assert ["sign_in", "sign_out"] == site.audit.kinds()


def test_a_leaver_is_out_with_the_next_request(site: Site) -> None:
    """A disabled account ends its open sessions."""
    client = site.signed_in()
    site.directory.disable(site.person.id)
    assert 401 == say(client, "hello").status_code
    site.directory.enable(site.person.id)
    assert 401 == client.get("/api/v1/session").status_code
    assert [] == site.agent.heard
