"""What is changed inside Rasa while it runs does what the original does."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Iterator
from typing import Any, ClassVar

import jsonschema
import pytest
import rasa.core.policies.rule_policy
from rasa.core.actions.action import RemoteAction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphComponentException, GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain

from gatehouse.dialogue import adjustments, replay, rule_search
from gatehouse.errors import NotReady


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = RemoteAction._validate_action_result
    monkeypatch.setattr(RemoteAction, "_validate_action_result", original)
    monkeypatch.setenv("RASA_TELEMETRY_ENABLED", "true")
    monkeypatch.setattr(DaskGraphRunner, "run", DaskGraphRunner.run)
    for module in adjustments._COPIED_FOR_LOGS:
        monkeypatch.setattr(module, "copy", module.copy)
    described = staticmethod(RulePolicy.format_tracker_states)
    monkeypatch.setattr(RulePolicy, "format_tracker_states", described)
    monkeypatch.setattr(Domain, "is_empty", Domain.is_empty)
    yield
    replay.restore()
    rule_search.restore()


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


def test_only_a_debug_line_loses_its_description() -> None:
    """What describes the states of a conversation is read by a debug line alone."""
    source = textwrap.dedent(inspect.getsource(RulePolicy._find_action_from_rules))
    tree = ast.parse(source)
    used = [
        call
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and "current_states" in ast.unparse(call)
    ]
    assert {"structlogger.debug", "copy.deepcopy"} == {ast.unparse(call.func) for call in used}
    assert 1 == source.count("self.format_tracker_states(states)")
    assert 1 == inspect.getsource(rasa.core.policies.rule_policy).count("format_tracker_states")


@pytest.mark.parametrize(
    "given", [{}, {"intents": ["ask"]}, {"responses": {"utter_x": [{"text": "x"}]}}]
)
def test_an_empty_domain_is_known_as_before(given: dict[str, Any]) -> None:
    domain = Domain.from_dict(given)
    expected = adjustments._stock_is_empty(domain)
    adjustments.apply()
    assert expected == domain.is_empty() == (not given)


class Part(GraphComponent):
    """Adds its inputs; remembers that it ran."""

    ran: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def create(cls, config: dict[str, Any], **_: Any) -> Part:
        return cls(config["name"])

    def add(self, left: int, right: int = 0) -> int:
        self.ran.append(self.name)
        if left < 0:
            raise ValueError("negative")
        return left + right


def graph() -> DaskGraphRunner:
    def node(name: str, **needs: str) -> SchemaNode:
        return SchemaNode(needs, Part, "create", "add", {"name": name})

    schema = {
        "d": node("d", left="b", right="c"),
        "b": node("b", left="a", right="x"),
        "a": node("a", left="x"),
        "c": node("c", left="a"),
        "unneeded": node("unneeded", left="a"),
    }
    return DaskGraphRunner(GraphSchema(schema), None, ExecutionContext(GraphSchema({}), "m"))


def test_graphs_run_as_before() -> None:
    """The same results from the same parts, each once and after what it needs; the same errors."""
    before = graph().run(inputs={"x": 3}, targets=["d", "c"])
    Part.ran.clear()
    adjustments.apply()
    runner = graph()
    for value in (3, 3, 4):
        after = runner.run(inputs={"x": value}, targets=["d", "c"])
    assert {"d": 9, "c": 3} == before
    assert {"d": 12, "c": 4} == after
    assert ["a", "b", "c", "d"] * 3 == [
        name for n in range(3) for name in sorted(Part.ran[4 * n : 4 * n + 4])
    ]
    assert all(Part.ran[4 * n] == "a" and Part.ran[4 * n + 3] == "d" for n in range(3))
    with pytest.raises(GraphComponentException):
        runner.run(inputs={"x": -1}, targets=["d"])
    with pytest.raises(GraphRunError):
        runner.run(inputs={"x": "a"}, targets=["d"])


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
