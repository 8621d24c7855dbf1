"""Nothing else may be mounted beside the web channel, and nothing unencrypted is served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rasa.core.channels.callback import CallbackInput
from rasa.core.channels.rest import RestInput
from rasa.core.nlg.callback import CallbackNaturalLanguageGenerator
from rasa.core.policies.memoization import MemoizationPolicy
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.run import configure_app
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from gatehouse.channel import WebChannel, mounts
from gatehouse.channel.admission import Admission, network_zone
from gatehouse.channel.failures import ApiError
from gatehouse.channel.rasa_side import AssistantNotReady, ready_agent
from gatehouse.dialogue import gate
from gatehouse.dialogue.authorization import IntentAuthorizationPolicy
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.settings import load_settings
from tests.unit.channel.harness import Site, model_with


@pytest.fixture(autouse=True)
def _no_left_over_apps() -> Iterator[None]:
    yield
    Sanic._app_registry.clear()


def listeners(app: Sanic, event: str) -> list[Any]:
    return [future.listener for future in app._future_listeners if future.event == event]


def start(app: Sanic) -> None:
    """Run what the channel does before the server starts."""
    keeper = app.blueprints[mounts.BLUEPRINT].ctx.keeper
    asyncio.run(keeper._start(app))


def test_rasas_http_api_stops_the_start() -> None:
    """`rasa run --enable-api` does not get past mounting the channel."""
    with pytest.raises(mounts.UnsafeMount):
        configure_app([WebChannel()], enable_api=True)


@pytest.mark.parametrize("other", [RestInput(), CallbackInput(SimpleNamespace(url="https://x"))])
def test_another_channel_stops_the_start(other: Any) -> None:
    """Whichever is mounted first."""
    with pytest.raises(mounts.UnsafeMount):
        configure_app([other, WebChannel()], enable_api=False)
    Sanic._app_registry.clear()
    app = configure_app([WebChannel()], enable_api=False)
    app.blueprint(other.blueprint(None), url_prefix="/webhooks/other")
    with pytest.raises(mounts.UnsafeMount):
        start(app)


def test_alone_it_may_start(tmp_path: Any) -> None:
    """The channel by itself passes its own check, at the root."""
    app = configure_app([WebChannel()], enable_api=False)
    mounts.check(app)
    assert "chat" in {route.path for route in app.router.routes}


def test_a_rehearsal_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which conversation tests decide refuses to start."""
    monkeypatch.setattr(gate, "is_live", lambda: False)
    app = configure_app([WebChannel()], enable_api=False)
    with pytest.raises(NotReady):
        start(app)


@pytest.mark.parametrize("given", [{"colour": "red"}, {"organisation": 5}, ["organisation"]])
def test_credentials_are_checked(given: Any) -> None:
    """An unknown or malformed entry stops the start."""
    with pytest.raises(InvalidInput):
        WebChannel.from_credentials(given)


def request(peer: str, *headers: tuple[str, str], tls: bool = False, host: str = "") -> Any:
    from sanic.compat import Header

    found = Header([("host", host or "localhost:5005"), *headers])
    return SimpleNamespace(ip=peer, headers=found, conn_info=SimpleNamespace(ssl=tls), method="GET")


@pytest.fixture
def admission(tmp_path: Any) -> Admission:
    environment = {"GATEHOUSE_SERVER_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16"}
    return Admission(load_settings(tmp_path, environment))


HTTPS = ("x-forwarded-proto", "https")


def test_https_is_believed_from_a_trusted_proxy_only(admission: Admission) -> None:
    """Direct TLS or a trusted proxy's word; anybody else's word and plain HTTP are refused."""
    admission.check_transport(request("203.0.113.9", tls=True))
    admission.check_transport(request("10.0.0.1", HTTPS))
    for refused in (
        request("203.0.113.9"),
        request("203.0.113.9", HTTPS),
        request("10.0.0.1"),
        request("10.0.0.1", ("x-forwarded-proto", "http")),
        request("10.0.0.1", HTTPS, ("x-forwarded-proto", "http")),
        request("10.0.0.1", ("x-forwarded-proto", "https, http")),
    ):
        with pytest.raises(ApiError) as error:
            admission.check_transport(refused)
        assert "https_required" == error.value.code


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
    ],
)
def test_source_is_the_nearest_address_that_is_not_ours(
    admission: Admission, peer: str, forwarded: str, source: str
) -> None:
    """A client cannot choose its own address by sending the header itself."""
    assert source == admission.source(request(peer, ("x-forwarded-for", forwarded)))


@pytest.mark.parametrize(
    ("source", "zone"),
    [
        ("127.0.0.1", "local"),
        ("10.2.3.4", "internal"),
        ("8.8.8.8", "external"),
        ("unknown", "external"),
    ],
)
def test_zones(source: str, zone: str) -> None:
    """What cannot be told counts as outside."""
    assert zone == network_zone(source)


def test_the_site_serves(site: Site) -> None:
    """The harness's own server, mounted by Rasa's function, answers."""
    assert 200 == site.client().get("/chat").status_code


def refuse(site: Site) -> None:
    """Neither the start nor a turn goes on with the agent of `site`."""
    keeper = site.app.blueprints[mounts.BLUEPRINT].ctx.keeper
    with pytest.raises(AssistantNotReady):
        asyncio.run(keeper._ready(site.app))
    with pytest.raises(AssistantNotReady):
        ready_agent(site.app)


@pytest.mark.parametrize(
    "model",
    [
        SimpleNamespace(predict_schema=SimpleNamespace(nodes={})),
        model_with(RulePolicy, MemoizationPolicy),
        model_with(IntentAuthorizationPolicy, RulePolicy, priority=0),
        model_with(RulePolicy, IntentAuthorizationPolicy),
    ],
    ids=["no policy", "others only", "same priority", "below another"],
)
def test_a_model_without_the_authorization_policy_is_refused(site: Site, model: Any) -> None:
    """It has to be there and above every other policy."""
    assert site.agent is ready_agent(site.app)
    site.agent.processor.model_metadata = model
    refuse(site)


def test_a_model_with_it_above_others_is_taken(site: Site) -> None:
    """Other policies beside it are no reason to refuse."""
    site.agent.processor.model_metadata = model_with(
        IntentAuthorizationPolicy, RulePolicy, MemoizationPolicy
    )
    assert site.agent is ready_agent(site.app)


def test_an_nlg_server_is_refused(site: Site) -> None:
    """Rasa would send it the whole conversation in clear."""
    site.agent.nlg = CallbackNaturalLanguageGenerator(EndpointConfig("https://localhost:1"))
    refuse(site)
