"""A sign-in is taken only from a browser that opened our own page (login CSRF)."""

from __future__ import annotations

import pytest

from gatehouse.channel.door import LIFETIME
from tests.door import COOKIE, at_the_door
from tests.unit.channel.harness import PASSWORD, Site, sign_in

GOOD = {"username": "erin.walsh", "password": PASSWORD}


def test_a_sign_in_needs_cookie_and_token(site: Site) -> None:
    """A good password alone is refused, with either half alone too; nothing is looked up."""
    door = at_the_door(opened := site.client())
    cookie = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}"}
    for headers in ({}, cookie, door):
        answer = site.client().post("/api/v1/session", json=GOOD, headers=headers)
        assert (403, "csrf") == (answer.status_code, answer.json()["error"]["code"])
        assert "set-cookie" not in answer.headers
    assert ["request_refused"] == site.audit.kinds(), "recorded, once a minute"
    both = site.client().post("/api/v1/session", json=GOOD, headers={**cookie, **door})
    assert 200 == both.status_code


@pytest.mark.parametrize("change", ["another's", "made up", "cut", "old"])
def test_only_the_pair_that_belongs_together_opens(site: Site, change: str) -> None:
    """A token of another cookie, a cookie nobody made, a damaged and an old one are refused."""
    mine, other = site.client(), site.client()
    token = at_the_door(mine)["X-CSRF-Token"]
    cookie = mine.cookies[COOKIE]
    if change == "another's":
        token = at_the_door(other)["X-CSRF-Token"]
    elif change == "made up":
        cookie = f"{int(site.clock.now()):x}.{'a' * 32}.{'b' * 64}"
    elif change == "cut":
        cookie = cookie[:-1]
    else:
        site.clock.advance(LIFETIME + 1)
    headers = {"Cookie": f"{COOKIE}={cookie}", "X-CSRF-Token": token}
    answer = site.client().post("/api/v1/session", json=GOOD, headers=headers)
    assert (403, "csrf") == (answer.status_code, answer.json()["error"]["code"])


def test_a_sign_in_uses_the_cookie_up(site: Site) -> None:
    """What may have been planted before the sign-in goes with it (fixation)."""
    client = site.client()
    assert 200 == sign_in(client).status_code
    assert COOKIE not in client.cookies
    assert 403 == client.post("/api/v1/session", json=GOOD).status_code


def test_the_page_gives_the_cookie_and_keeps_a_good_one(site: Site) -> None:
    """Host-bound, for HTTPS only, closed to scripts and other sites; a second tab does not void the first."""
    client = site.client()
    given = client.get("/chat").headers["set-cookie"]
    assert given.startswith(f"{COOKIE}=")
    for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in given
    assert "Domain" not in given
    assert "set-cookie" not in client.get("/chat").headers
    before = client.cookies[COOKIE]
    client.get("/api/v1/session")
    assert before == client.cookies[COOKIE]
