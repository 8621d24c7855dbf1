"""Health, metrics and request ids: enough for an operator, nothing for anybody else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatehouse import metrics
from gatehouse.channel.listener import Listener, _Handler
from gatehouse.channel.probes import read_token
from gatehouse.errors import NotReady
from gatehouse.health import STALE, Readiness
from gatehouse.settings import load_settings
from tests.patience import PATIENCE
from tests.unit.channel.harness import Site, say, sign_in

TOKEN = "f00d" * 16


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Site]:
    """A site whose metrics have a token."""
    (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
    with Site(tmp_path, GATEHOUSE_METRICS_TOKEN_FILE="token") as site:
        site.become_ready()
        yield site


def test_health_is_one_word_for_anybody(watched: Site) -> None:
    """Both addresses answer without a session and under any host name, and tell nothing else."""
    stranger = watched.client(Host="10.1.2.3")
    alive, ready = stranger.get("/healthz"), stranger.get("/readyz")
    assert [(200, "ok"), (200, "ready")] == [(a.status_code, a.text) for a in (alive, ready)]
    assert 421 == stranger.get("/chat").status_code


def test_metrics_are_for_the_bearer_only(watched: Site) -> None:
    """Without the token, with half of it or under another scheme nothing is shown."""
    client = watched.client()
    for given in (
        None,
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer \u00e9".encode(),
    ):
        headers = {} if given is None else {"Authorization": given}
        refused = client.get("/metrics", headers=headers)
        assert 401 == refused.status_code
        assert "gatehouse_" not in refused.text
    shown = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert 200 == shown.status_code
    assert shown.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'gatehouse_up{part="ring"} 1.0' in shown.text
    guesses = [client.get("/metrics").status_code for _ in range(10)]
    assert 429 == guesses[-1]


def test_without_a_token_there_is_no_such_address(site: Site) -> None:
    """A deployment that sets no token shows no metrics over HTTPS, whatever is sent."""
    answer = site.client().get("/metrics", headers={"Authorization": "Bearer x"})
    assert 404 == answer.status_code


@pytest.mark.parametrize("content", ["short", "", None, b"\xff" * 64])
def test_a_poor_token_stops_the_start(tmp_path: Path, content: str | bytes | None) -> None:
    """A token that can be guessed, or whose file is not there, is refused at the start."""
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "token").write_bytes(data)
    settings = load_settings(tmp_path, {"GATEHOUSE_METRICS_TOKEN_FILE": "token"})
    with pytest.raises(NotReady, match="token"):
        read_token(settings)


def test_each_request_has_an_id_of_its_own(watched: Site) -> None:
    """Every answer names its request, refusals included; what a client sends is not taken over."""
    client = watched.client(**{"X-Request-Id": "0123456789abcdef"})
    ids = [client.get(path).headers["x-request-id"] for path in ("/chat", "/nowhere", "/healthz")]
    assert 3 == len(set(ids) - {"0123456789abcdef"})


def test_requests_are_counted_by_route_and_class_of_status(watched: Site) -> None:
    """A path that nobody knows counts as `other`: strangers cannot make series."""
    before = metrics.value("gatehouse_http_requests_total", status="4")
    series = metrics.exposition()[0].count(b"\n")
    client = watched.client()
    for number in range(5):
        client.get(f"/nowhere/{number}")
    assert before + 5 == metrics.value("gatehouse_http_requests_total", status="4")
    assert series == metrics.exposition()[0].count(b"\n")


def test_a_flood_is_recorded_once(tmp_path: Path) -> None:
    """The first refusal is in the audit log with what was counted; the rest is only counted."""
    with Site(tmp_path, GATEHOUSE_LIMITS_MESSAGES_PER_MINUTE="2") as site:
        client = site.signed_in()
        before = metrics.value("gatehouse_throttled_total", what="messages")
        answers = [say(client, f"hello {number}").status_code for number in range(6)]
        assert [200, 200, 429, 429, 429, 429] == answers
        assert before + 4 == metrics.value("gatehouse_throttled_total", what="messages")
        throttled = [facts for kind, facts in site.audit.entries if kind == "throttled"]
        assert [{"person": site.person.id, "what": "messages"}] == throttled
        site.clock.advance(61)
        assert [200, 200, 429] == [say(client, f"again {n}").status_code for n in range(3)]
        assert 2 == site.audit.kinds().count("throttled")


def test_a_throttle_holds_without_its_entry(tmp_path: Path) -> None:
    """A log that cannot be written lets nobody past a limit."""
    with Site(tmp_path, GATEHOUSE_LIMITS_SIGN_INS_PER_MINUTE="1") as site:
        assert 401 == sign_in(site.client(), "not the password at all").status_code
        site.audit.broken = True
        assert 429 == sign_in(site.client(), "not the password at all").status_code


def test_a_part_that_fails_or_hangs_makes_it_not_ready() -> None:
    """One failing part is enough; so is an answer that has become old, as from a part that hangs."""
    now, broken = [0.0], [False]

    def database() -> None:
        if broken[0]:
            raise OSError("the password of the database is hunter2")

    ready = Readiness({"database": database, "ring": lambda: None}, now=lambda: now[0])
    assert not ready.ready
    ready.look()
    assert ready.ready
    broken[0] = True
    ready.look()
    assert not ready.ready
    shown = {(name, labels.get("part")): value for name, _, value, labels in ready.readings()}
    assert 0.0 == shown["gatehouse_up", "database"]
    assert 1.0 == shown["gatehouse_up", "ring"]
    broken[0] = False
    ready.look()
    assert ready.ready
    now[0] += STALE
    assert not ready.ready
    ready.look()
    ready.close()
    assert not ready.ready


def test_a_flood_of_probes_asks_nobody() -> None:
    """However often it is asked, the parts are looked at by the clock only."""
    looks = [0]

    def part() -> None:
        looks[0] += 1

    ready = Readiness({"part": part})
    ready.look()
    assert all(ready.ready for _ in range(10_000))
    assert 1 == looks[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    ready = Readiness({"part": lambda: None})
    ready.look()
    listening = Listener(ready, 0)
    yield listening
    listening.close()


def test_the_port_answers_names_of_this_machine_only(listener: Listener) -> None:
    """A web page that points its own name at this machine reads nothing."""
    url = f"http://127.0.0.1:{listener.port}"
    assert "gatehouse_decisions_total" in httpx.get(f"{url}/metrics").text
    assert [(200, "ok"), (200, "ready")] == [
        (answer.status_code, answer.text)
        for answer in (httpx.get(f"{url}/healthz"), httpx.get(f"{url}/readyz"))
    ]
    rebound = httpx.get(f"{url}/metrics", headers={"Host": "evil.example:9464"})
    assert (421, False) == (rebound.status_code, "gatehouse_" in rebound.text)
    assert 404 == httpx.get(f"{url}/../etc/passwd").status_code
    assert 405 == httpx.post(f"{url}/metrics", content=b"x" * 1000).status_code


def test_a_silent_connection_does_not_keep_the_port(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends nothing is dropped, and a taken port is said plainly."""
    monkeypatch.setattr(_Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", listener.port)):
        answer = httpx.get(f"http://127.0.0.1:{listener.port}/healthz", timeout=PATIENCE)
    assert 200 == answer.status_code
    with pytest.raises(NotReady, match=r"metrics\.port"):
        Listener(Readiness({}), listener.port)
