"""The device cookie: given after a good password and a good code, and what it is good for."""

from __future__ import annotations

from gatehouse.channel.cookies import DEVICE
from tests.unit.channel.harness import Site, say, sign_in


def test_a_sign_in_makes_a_browser_known(site: Site) -> None:
    """The cookie is for this host alone, out of reach of scripts, and outlives the session."""
    client = site.client()
    cookie = next(c for c in sign_in(client).headers.get_list("set-cookie") if DEVICE in c)
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=15552000"):
        assert part in cookie
    client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
    client.delete("/api/v1/session")
    assert DEVICE in client.cookies


def test_the_owner_signs_in_while_strangers_guess(site: Site) -> None:
    """In the browser of before at once; in a new one after the wait."""
    owner = site.signed_in()
    for _ in range(6):
        sign_in(site.client(), "not the password")
    assert (200, 429) == (sign_in(owner).status_code, sign_in(site.client()).status_code)


def test_a_good_code_is_remembered_by_the_browser(site: Site) -> None:
    """Strangers who know the password use up their own tries; the owner's code is looked at."""
    site.agent.script = site.asks_for_code
    owner = site.signed_in()
    say(owner, "show my payslip", "message-1")
    assert say(owner, site.code(), "message-2").json()["accepted"]
    stranger = site.signed_in()
    for number in range(8):
        say(stranger, "show my payslip", f"request-{number}")
        say(stranger, f"{number:06d}", f"guessing-{number}")
    say(stranger, "show my payslip", "request-8")
    refused = say(stranger, "000001", "guessing-8").json()
    assert "Wait" in refused["messages"][0]["text"]
    site.clock.advance(30)
    say(owner, "show my payslip", "message-3")
    assert say(owner, site.code(), "message-4").json()["accepted"]
