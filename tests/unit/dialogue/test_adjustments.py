"""What is changed inside Rasa while it runs does what the original does."""

from __future__ import annotations

import os
from typing import Any

import jsonschema
import pytest
from rasa.core.actions.action import RemoteAction

from gatehouse.dialogue import adjustments


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    original = RemoteAction._validate_action_result
    monkeypatch.setattr(RemoteAction, "_validate_action_result", original)
    monkeypatch.setenv("RASA_TELEMETRY_ENABLED", "true")


def test_telemetry_is_off() -> None:
    """Whatever the environment said, telemetry is off afterwards."""
    from rasa import telemetry

    adjustments.apply()
    assert "false" == os.environ["RASA_TELEMETRY_ENABLED"]
    assert not telemetry.is_telemetry_enabled()


@pytest.mark.parametrize(
    "result",
    [
        {"events": [], "responses": []},
        {"events": [{"event": "slot", "name": "a", "value": 1}], "responses": [{"text": "x"}]},
        {"events": "no", "responses": []},
        {"events": [], "responses": [1]},
        {"events": [{"event": "slot"}], "responses": []},
        {"events": [{"no": "event"}], "responses": []},
    ],
)
def test_action_results_are_judged_as_before(result: dict[str, Any]) -> None:
    """The validator that is built once accepts and refuses what Rasa's own does."""
    action = RemoteAction("action_x", None)
    before = verdict(action, result)
    adjustments.apply()
    assert before == verdict(action, result)


def verdict(action: RemoteAction, result: dict[str, Any]) -> bool:
    try:
        return bool(action._validate_action_result(result))
    except jsonschema.ValidationError:
        return False
