"""Strangers wait when there are too many of them; signed-in people do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse import metrics
from tests.unit.channel.harness import Site, say


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, GATEHOUSE_LIMITS_STRANGERS_PER_SECOND="1") as site:
        yield site


def flood(site: Site, cookie: str = "") -> list[int]:
    """Ten requests of a stranger, with a made-up session if one is given."""
    client = site.client()
    if cookie:
        client.headers["Cookie"] = f"__Host-gatehouse={cookie}"
    return [client.get("/chat").status_code for _ in range(10)]


def test_strangers_over_their_allowance_are_told_to_come_back(site: Site) -> None:
    """503 with `Retry-After`, with every header, and counted."""
    before = metrics.value("gatehouse_throttled_total", what="shed")
    client = site.client()
    refused = [answer for _ in range(10) if (answer := client.get("/chat")).status_code == 503]
    assert len(refused) >= 6
    assert "1" == refused[0].headers["retry-after"]
    assert "busy" == refused[0].json()["error"]["code"]
    assert "default-src 'none'" in refused[0].headers["content-security-policy"]
    assert len(refused) == metrics.value("gatehouse_throttled_total", what="shed") - before


def test_signed_in_people_are_served_meanwhile(site: Site) -> None:
    """While strangers are refused, a person who is signed in loads the page and is answered."""
    client = site.signed_in()
    assert 503 in flood(site)
    for _ in range(5):
        assert 200 == client.get("/chat").status_code
        assert 200 == say(client, "hello").status_code


def test_a_made_up_cookie_makes_nobody_known(site: Site) -> None:
    """Only a session that was found to be good gets past the allowance."""
    assert 503 in flood(site, "A" * 43)
    assert 503 in flood(site, "x" * 5000)


def test_a_session_that_ended_is_a_stranger_again(site: Site) -> None:
    """After signing out the old cookie takes from the strangers' allowance."""
    client = site.signed_in()
    token = client.cookies["__Host-gatehouse"]
    assert 204 == client.delete("/api/v1/session").status_code
    other = site.client()
    other.headers["Cookie"] = f"__Host-gatehouse={token}"
    other.get("/api/v1/session")
    assert 503 in [other.get("/chat").status_code for _ in range(10)]


def test_health_is_answered_in_a_flood(site: Site) -> None:
    """A load balancer must not take a busy server for a dead one."""
    assert 503 in flood(site)
    assert 200 == site.client().get("/healthz").status_code
