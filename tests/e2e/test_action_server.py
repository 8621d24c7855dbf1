"""A separate action server answers nobody without a valid assertion."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gatehouse.identity import METADATA_KEY
from tests.e2e.deployment import Deployment, free_port


@pytest.fixture(scope="module")
def actions_url(deployment: Deployment) -> Iterator[str]:
    """`rasa run actions` beside the deployment."""
    port = free_port()
    environment = {**deployment.environment, "SANIC_HOST": "127.0.0.1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with (deployment.home / "actions.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa", "run", "actions", "--port", str(port)],
            env=environment,
            cwd=deployment.home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/health", timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None, (deployment.home / "actions.log").read_text()
                time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def call(url: str, action: str, conversation: str, assertion: object) -> dict[str, Any]:
    """Call an action as Rasa does and return the answer."""
    message = {
        "text": "hello",
        "intent": {"name": "view_leave_balance", "confidence": 1.0},
        "entities": [],
        "metadata": {METADATA_KEY: assertion} if assertion is not None else {},
    }
    tracker = {
        "sender_id": conversation,
        "slots": {},
        "latest_message": message,
        "events": [],
        "paused": False,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    body = {"next_action": action, "sender_id": conversation, "tracker": tracker, "domain": {}}
    answer = httpx.post(f"{url}/webhook", json=body, timeout=20)
    assert 200 == answer.status_code, answer.text
    result: dict[str, Any] = answer.json()
    return result


def assertion_for(deployment: Deployment, conversation: str) -> str:
    account = deployment.person("employee")
    return deployment.runtime.issuer.issue(
        person_id=account.person.id,
        roles=account.person.roles,
        department=account.person.department,
        employment_type=account.person.employment_type,
        employee_id=account.person.employee_id,
        display_name=account.person.display_name,
        session_id="s" * 32,
        session_started_at=time.time(),
        conversation_id=conversation,
        message_id=secrets.token_hex(8),
        channel="web",
        network_zone="loopback",
    )


def refused(result: dict[str, Any]) -> bool:
    responses = [response.get("response") for response in result["responses"]]
    return ["utter_refused_not_signed_in"] == responses and [] == result["events"]


@pytest.mark.parametrize(
    "forged", [None, "", "x.y.z", {"sub": "p-1"}, ["x"], 7, "e30.e30.", "eyJhbGciOiJub25lIn0.e30."]
)
def test_forged_assertion_is_refused(actions_url: str, forged: object) -> None:
    """An action called without a genuine assertion says that nobody is signed in, and nothing else."""
    assert refused(call(actions_url, "action_view_leave_balance", "c" * 32, forged))


def test_assertion_of_another_conversation_is_refused(
    actions_url: str, deployment: Deployment
) -> None:
    """A genuine assertion does not work in another conversation."""
    token = assertion_for(deployment, "a" * 32)
    assert refused(call(actions_url, "action_view_leave_balance", "b" * 32, token))


def test_genuine_assertion_is_answered(actions_url: str, deployment: Deployment) -> None:
    """The same call with a genuine assertion for the conversation is answered."""
    token = assertion_for(deployment, "d" * 32)
    result = call(actions_url, "action_view_leave_balance", "d" * 32, token)
    assert any("day" in (response.get("text") or "") for response in result["responses"])


def test_genuine_assertion_does_not_replace_the_code(
    actions_url: str, deployment: Deployment
) -> None:
    """A salary asked for directly at the action server still needs its code."""
    token = assertion_for(deployment, "e" * 32)
    result = call(actions_url, "action_view_salary", "e" * 32, token)
    assert all("gross" not in (response.get("text") or "") for response in result["responses"])


def test_role_is_checked_at_the_action_too(actions_url: str, deployment: Deployment) -> None:
    """An employee who calls a manager's action directly is refused by the rules."""
    token = assertion_for(deployment, "f" * 32)
    result = call(actions_url, "action_view_team_leave", "f" * 32, token)
    responses = [response.get("response") or "" for response in result["responses"]]
    assert [True] == [response.startswith("utter_refused_") for response in responses]
