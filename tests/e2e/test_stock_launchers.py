"""Rasa's own launchers and a careless configuration open nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.deployment import Deployment
from tests.e2e.test_start import end, start_stock_rasa, stock_rasa


@pytest.fixture(scope="module")
def unserved(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment that only stock launchers serve."""
    deployment = Deployment(tmp_path_factory.mktemp("unserved"))
    assert 0 == deployment.command("init", "--demo").returncode
    return deployment


def ask(url: str, still_runs: Callable[[], bool]) -> httpx.Response:
    for _ in range(300):
        try:
            return httpx.get(url, timeout=10)
        except httpx.TransportError:
            assert still_runs(), "the server ended"
            time.sleep(0.2)
    raise AssertionError("nothing answered")


def test_other_channels_and_the_http_api_read_no_conversation(deployment: Deployment) -> None:
    """A process that mounts Rasa's HTTP API and REST channel instead of ours, on the same data, answers
    with an empty conversation where there is one."""
    chat = deployment.person("employee").sign_in()
    chat.say("hello quokkazanzibar")
    token = chat.http.cookies["__Host-gatehouse"]
    conversation = deployment.runtime.sessions.resolve(token).conversation_id
    rest = deployment.home / "rest.yml"
    rest.write_text("rest:\n", encoding="utf-8")
    process, port = start_stock_rasa(deployment, "run", "--enable-api", "--credentials", str(rest))
    try:
        url = f"http://127.0.0.1:{port}/conversations/{conversation}/tracker"
        answer = ask(url, lambda: process.poll() is None)
        assert "quokkazanzibar" not in answer.text
    finally:
        end(process)
    assert "quokkazanzibar" in chat.http.get("/api/v1/history").text


def test_stock_rasa_run_refuses_in_production(unserved: Deployment) -> None:
    """The production profile refuses demo leftovers under Rasa's own launcher too."""
    certificate = str(unserved.home / "var" / "tls" / "server.pem")
    unserved.environment["GATEHOUSE_SERVER_PROFILE"] = "production"
    try:
        status, output = stock_rasa(
            unserved, "run", "--ssl-certificate", certificate, "--ssl-keyfile", certificate
        )
    finally:
        del unserved.environment["GATEHOUSE_SERVER_PROFILE"]
    assert 0 != status
    assert "demo accounts" in output
