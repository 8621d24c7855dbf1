"""A sign-in at the provider is finished once, in time, and in the browser that began it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.identity.provider.errors import ProviderRefused
from gatehouse.identity.provider.flows import LIFETIME, MAX_COOKIE, Flows
from gatehouse.identity.provider.seen import Seen
from gatehouse.identity.provider.service import client_of, open_provider, require_sense
from gatehouse.settings import Provider, Settings, load_settings

KEY, OTHER = b"k" * 32, b"o" * 32
GOOD = Provider(issuer="https://idp.example.org", client_id="gatehouse")


@pytest.fixture
def flows(any_engine: Engine, clock: SettableClock) -> Flows:
    return Flows(clock, KEY, Seen(any_engine, clock, KEY))


def reason_of(flows: Flows, cookie: object, state: object) -> str:
    with pytest.raises(ProviderRefused) as refused:
        flows.finish(cookie, state)
    return refused.value.reason


def test_a_flow_is_finished_once_however_many_try(flows: Flows) -> None:
    """Twenty at the same moment: one of them."""
    flow, cookie = flows.begin("the session before")

    def finish(_: int) -> str:
        try:
            return flows.finish(cookie, flow.state).replaces
        except ProviderRefused as refused:
            return refused.reason

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(finish, range(20)))
    assert ["replayed"] * 19 + ["the session before"] == sorted(answers)


def test_a_flow_has_its_own_secrets(flows: Flows) -> None:
    """State, nonce and verifier are new each time and nowhere in the cookie; it fits one."""
    one, cookie = flows.begin("s" * 32)
    other, _ = flows.begin()
    secrets = {one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}
    assert 6 == len(secrets)
    assert not [secret for secret in secrets if secret in cookie]
    assert len(cookie) <= MAX_COOKIE
    assert not [secret for secret in secrets if secret in repr(one)]


def test_a_flow_ends_with_its_time(flows: Flows, clock: SettableClock) -> None:
    """After ten minutes, or when the clock went back, it is over."""
    flow, cookie = flows.begin()
    clock.advance(LIFETIME)
    assert "flow" == reason_of(flows, cookie, flow.state)
    clock.advance(-LIFETIME - 61)
    assert "flow" == reason_of(flows, cookie, flow.state)
    clock.advance(61 + LIFETIME - 1)
    assert flow == flows.finish(cookie, flow.state)


def test_a_state_belongs_to_its_cookie(
    flows: Flows, any_engine: Engine, clock: SettableClock
) -> None:
    """Neither with another flow's state, nor one's own under another key, nor altered; a refused try
    uses nothing up."""
    flow, cookie = flows.begin()
    theirs, foreign = Flows(clock, OTHER, Seen(any_engine, clock, OTHER)).begin()
    for shown, state in (
        (cookie, flows.begin()[0].state),
        (cookie, ""),
        (cookie, None),
        (cookie, flow.state + "x"),
        (foreign, theirs.state),
        (cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"), flow.state),
        ("", flow.state),
        (None, flow.state),
        ("A" * (MAX_COOKIE + 1), flow.state),
    ):
        assert "flow" == reason_of(flows, shown, state)
    assert flow == flows.finish(cookie, flow.state)


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_cookie_raises_anything_else(cookie: str, state: str) -> None:
    """Whatever a browser sends; the database is not asked."""
    with pytest.raises(ProviderRefused):
        Flows(SettableClock(), KEY, None).finish(cookie, state)  # type: ignore[arg-type]


def test_what_was_seen_is_forgotten_when_it_is_too_old(
    any_engine: Engine, clock: SettableClock
) -> None:
    """And not a second before; the table shows no value."""
    seen = Seen(any_engine, clock, KEY)
    assert seen.first("logout", "jti-1", clock.now() + 100)
    assert not seen.first("logout", "jti-1", clock.now() + 100)
    assert seen.known("logout", "jti-1")
    assert seen.first("state", "jti-1", clock.now() + 100), "another kind is another thing"
    with any_engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM gh_provider_seen")).all()
    assert not [row for row in rows if "jti-1" in str(row)]
    clock.advance(100)
    assert 0 == seen.prune()
    clock.advance(1)
    assert 2 == seen.prune()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"issuer": "http://idp.example.org"}, "provider.issuer"),
        ({"issuer": "https://idp.example.org?x=1"}, "provider.issuer"),
        ({"client_id": ""}, "provider.client_id"),
        ({"scopes": ("profile",)}, "provider.scopes"),
        ({"algorithms": ()}, "provider.algorithms"),
        ({"algorithms": ("none",)}, "provider.algorithms"),
        ({"algorithms": ("RS256", "HS256")}, "provider.algorithms"),
        ({"newcomers": "match"}, "provider.employee_id_claim"),
        ({"newcomers": "create"}, "provider.roles_claim"),
    ],
    ids=str,
)
def test_settings_that_let_in_the_wrong_people_stop_the_start(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    """Each with its key."""
    with pytest.raises(InvalidInput) as refused:
        require_sense(with_provider(tmp_path, replace(GOOD, **wrong)))
    assert words in refused.value.message


def with_provider(home: Path, section: Provider) -> Settings:
    return replace(load_settings(home, {}), provider=section)


def test_a_secret_that_others_can_read_stops_the_start(
    tmp_path: Path, clock: SettableClock
) -> None:
    """So does one that is not there."""
    settings = with_provider(tmp_path, replace(GOOD, client_secret_file="secret"))
    with pytest.raises(NotReady):
        client_of(settings, clock)
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(NotReady, match="others can read"):
        client_of(settings, clock)
    (tmp_path / "secret").chmod(0o600)
    assert "https://localhost:5005/sign-in/return" == client_of(settings, clock).redirect_uri


def test_without_an_issuer_there_is_no_provider(tmp_path: Path, clock: SettableClock) -> None:
    """And nothing is asked of the other settings."""
    settings = with_provider(tmp_path, Provider(algorithms=("none",)))
    assert None is open_provider(settings, clock, *[None] * 4)  # type: ignore[list-item]
