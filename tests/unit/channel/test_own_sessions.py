"""A person's own sessions: seen, ended, and of no use to anybody else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gatehouse.channel.cookies import SESSION
from tests.unit.channel.harness import Site, say, sign_in

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)


def signed_in(site: Site, user_agent: str = FIREFOX) -> httpx.Client:
    client = site.client(**{"User-Agent": user_agent})
    client.headers["X-CSRF-Token"] = sign_in(client).json()["csrf"]
    return client


def sessions(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/sessions").json()["sessions"]
    return found


def test_a_person_sees_every_session(site: Site) -> None:
    """With browser and times, and which one is this; tokens and conversations stay inside."""
    signed_in(site)
    phone = signed_in(site, SAFARI)
    shown = sessions(phone)
    assert [("Firefox on Windows", False), ("Safari on iPhone", True)] == [
        (one["browser"], one["current"]) for one in shown
    ]
    assert {"id", "browser", "started_at", "last_seen_at", "current"} == set(shown[0])


def test_one_session_can_be_ended(site: Site) -> None:
    """The other browser is out at its next request; this one goes on."""
    desk, phone = signed_in(site), signed_in(site, SAFARI)
    other = next(one["id"] for one in sessions(desk) if not one["current"])
    assert 204 == desk.delete(f"/api/v1/sessions/{other}").status_code
    assert (401, 200) == (say(phone, "hello").status_code, say(desk, "hello").status_code)
    assert ("sign_out", {"person": site.person.id, "extent": "one", "sessions": 1}) == (
        site.audit.entries[-1]
    )


def test_everywhere_is_everywhere(site: Site) -> None:
    """Every browser is out, this one included, and its cookie is taken away."""
    desk, phone = signed_in(site), signed_in(site, SAFARI)
    answer = desk.delete("/api/v1/sessions")
    assert 204 == answer.status_code
    assert SESSION in answer.headers["set-cookie"]
    assert [401, 401] == [one.get("/api/v1/session").status_code for one in (desk, phone)]


def test_sessions_of_others_do_not_exist(site: Site) -> None:
    """Neither seen nor ended, and the answer is that of an id nobody has."""
    other = site.directory.add(
        "marco.bell",
        "Marco Bell",
        ["employee"],
        "seven copper kettles sing",
        must_change_password=False,
    )
    _, session = site.services.sessions.open(other)
    erin = signed_in(site)
    answers = [erin.delete(f"/api/v1/sessions/{one}") for one in (session.id, "0" * 32, "x")]
    assert [404] * 3 == [answer.status_code for answer in answers]
    assert 1 == len({answer.text for answer in answers})
    assert [True] == [one["current"] for one in sessions(erin)]
    assert site.services.sessions.get(session.id)


@pytest.mark.parametrize("path", ["sessions", "sessions/x"])
def test_ending_needs_the_csrf_token(site: Site, path: str) -> None:
    """Another site cannot sign people out."""
    client = signed_in(site)
    del client.headers["X-CSRF-Token"]
    assert 403 == client.delete(f"/api/v1/{path}").status_code


def test_a_stolen_cookie_ends_in_another_browser(site: Site) -> None:
    """Shown by a browser that calls itself something else, the session ends for both, with words for
    its owner and an entry in the log."""
    owner = signed_in(site)
    thief = site.client(**{"User-Agent": SAFARI})
    thief.cookies.set(SESSION, owner.cookies[SESSION], domain="localhost.local")
    thief.headers["Cookie"] = f"{SESSION}={owner.cookies[SESSION]}"
    assert "browser" == thief.get("/api/v1/session").json()["error"]["reason"]
    answer = owner.get("/api/v1/session").json()["error"]
    assert ("browser", True) == (answer["reason"], "change your password" in answer["message"])
    assert ("session_ended", {"person": site.person.id, "reason": "browser"}) in site.audit.entries


def test_a_planted_cookie_is_not_taken_over(site: Site) -> None:
    """A token that was in the browser before sign-in is never the one afterwards (fixation)."""
    attacker = signed_in(site)
    planted = attacker.cookies[SESSION]
    victim = site.client(**{"User-Agent": FIREFOX})
    victim.cookies.set(SESSION, planted)
    answer = sign_in(victim)
    fresh = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{SESSION}="))
    assert planted not in fresh
    assert 401 == attacker.get("/api/v1/session").status_code


def test_an_old_token_is_of_no_use(site: Site) -> None:
    """After sign-out the recorded cookie and CSRF token open nothing (replay)."""
    client = signed_in(site)
    recorded = client.cookies[SESSION]
    client.delete("/api/v1/session")
    client.headers["Cookie"] = f"{SESSION}={recorded}"
    assert 401 == say(client, "hello").status_code


def test_a_challenge_of_another_conversation_is_unknown(site: Site) -> None:
    """A code for a request of one's other browser does nothing here."""
    site.agent.script = site.asks_for_code
    desk, phone = signed_in(site), signed_in(site, SAFARI)
    challenge = say(desk, "show my payslip").json()["challenge"]
    answer = phone.post(f"/api/v1/challenges/{challenge['id']}", json={"code": site.code()}).json()
    assert answer["accepted"] is False
    assert desk.get("/api/v1/challenge").json()["challenge"]["attempts_left"] == 5


def test_the_end_is_announced_with_its_reason(site: Site) -> None:
    """Idle first, which staying active puts off; near the longest time, which nothing does."""
    client = signed_in(site)
    about = client.get("/api/v1/session").json()
    assert (900, "idle") == (about["expires_in"], about["expires_by"])
    for _ in range(47):
        site.clock.advance(600)
        client.post("/api/v1/session/extension", json={})
    about = client.post("/api/v1/session/extension", json={}).json()
    assert (600, "absolute") == (about["expires_in"], about["expires_by"])
