"""What is changed inside Rasa while it runs does what the original does."""

from __future__ import annotations

import ast
import inspect
import os
from typing import Any

import jsonschema
import pytest
from rasa.core.actions.action import RemoteAction

from gatehouse.dialogue import adjustments
from gatehouse.errors import NotReady


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    original = RemoteAction._validate_action_result
    monkeypatch.setattr(RemoteAction, "_validate_action_result", original)
    monkeypatch.setenv("RASA_TELEMETRY_ENABLED", "true")
    for module in adjustments._COPIED_FOR_LOGS:
        monkeypatch.setattr(module, "copy", module.copy)


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


@pytest.mark.parametrize("module", adjustments._COPIED_FOR_LOGS, ids=lambda m: m.__name__)
def test_only_debug_lines_lose_their_copies(module: Any) -> None:
    """Every copy that is left out is an argument of a debug line, so nothing else can notice."""
    tree = ast.parse(inspect.getsource(module))
    in_logs = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "structlogger.debug"
        for node in ast.walk(call)
    }
    copies = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "copy"
    ]
    assert adjustments._COPIED_FOR_LOGS[module] == len(copies)
    assert all(id(node) in in_logs and node.attr == "deepcopy" for node in copies)


def test_another_rasa_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that copies more than was read stops the start."""
    (module, copies) = next(iter(adjustments._COPIED_FOR_LOGS.items()))
    monkeypatch.setattr(adjustments, "_COPIED_FOR_LOGS", {module: copies + 1})
    with pytest.raises(NotReady, match="memoization"):
        adjustments.apply()


def verdict(action: RemoteAction, result: dict[str, Any]) -> bool:
    try:
        return bool(action._validate_action_result(result))
    except jsonschema.ValidationError:
        return False
