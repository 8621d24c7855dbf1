"""What has to be changed inside Rasa 3.6.21 while it runs, each with its reason.

Rasa's files stay as published. Every change checks that what it replaces still looks as it did in
3.6.21 and refuses to start otherwise.
"""

from __future__ import annotations

import inspect
import os
import re
from graphlib import TopologicalSorter
from types import ModuleType, SimpleNamespace
from typing import Any

import jsonschema
import rasa.core.policies.memoization
import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.core.actions.action import RemoteAction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain

from gatehouse.dialogue import replay, rule_search
from gatehouse.errors import NotReady


def apply() -> None:
    """Apply every change that is process-wide; safe to call twice."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    _validate_action_results_once()
    for module, copies in _COPIED_FOR_LOGS.items():
        _log_without_copies(module, copies)
    _describe_no_states()
    _know_an_empty_domain()
    _run_graphs_as_planned()
    replay.apply()
    rule_search.apply()


# How often each module copies something; every time it is an argument of `structlogger.debug`.
_COPIED_FOR_LOGS = {
    rasa.core.policies.memoization: 3,
    rasa.core.policies.rule_policy: 1,
    rasa.core.processor: 6,
}


def _log_without_copies(module: ModuleType, copies: int) -> None:
    """Do not copy whole histories for debug lines that nobody reads.

    `copy.deepcopy(states)` is evaluated at every prediction, whether or not debug is on. Nothing
    else in these modules copies, which the count checks.
    """
    if len(re.findall(r"\bcopy\.\w", inspect.getsource(module))) != copies:
        raise NotReady(f"this is not the Rasa that Gatehouse was written for ({module.__name__})")
    module.copy = SimpleNamespace(deepcopy=_as_it_is)  # type: ignore[attr-defined]


def _as_it_is(value: object) -> object:
    return value


def _describe_no_states() -> None:
    """Do not write out a whole history for a debug line that nobody reads.

    `RulePolicy._find_action_from_rules` describes all states at every search, whether or not debug
    is on; the text goes into that line only. What people said has no place in a log either.
    """
    source = inspect.getsource(rasa.core.policies.rule_policy)
    if source.count("format_tracker_states") != 1:
        raise NotReady("this is not the Rasa that Gatehouse was written for (RulePolicy)")
    RulePolicy.format_tracker_states = staticmethod(lambda states: f"{len(states)} states")


def _know_an_empty_domain() -> None:
    """Build the empty domain once, not for each message that is compared with it."""
    if "Domain.empty().as_dict()" not in inspect.getsource(_stock_is_empty):
        raise NotReady("this is not the Rasa that Gatehouse was written for (Domain)")
    empty = Domain.empty().as_dict()
    Domain.is_empty = lambda self: self.as_dict() == empty


_stock_is_empty = Domain.is_empty


def _validate_action_results_once() -> None:
    """Build the validator of action results once instead of at every call.

    `RemoteAction._validate_action_result` hands the schema to `jsonschema.validate`, which checks
    the schema itself each time: tens of milliseconds per custom action. Same schema, same errors.
    """
    if not hasattr(RemoteAction, "_validate_action_result"):
        raise NotReady("this is not the Rasa that Gatehouse was written for (RemoteAction)")
    schema = RemoteAction.action_response_format_spec()
    validator = jsonschema.validators.validator_for(schema)(schema)

    def validate(_self: RemoteAction, result: dict[str, Any]) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate


def _run_graphs_as_planned() -> None:
    """Work out once in which order the parts of a graph run, not at each of the three runs per message.

    `DaskGraphRunner.run` makes the minimal graph anew, lets dask order it and renders all inputs for a
    debug line. Every part is called with the same arguments, in an order that dask could have chosen.
    """
    names = set(inspect.signature(DaskGraphRunner.run).parameters)
    if names != {"self", "inputs", "targets"} or not hasattr(DaskGraphRunner, "_build_dask_graph"):
        raise NotReady("this is not the Rasa that Gatehouse was written for (DaskGraphRunner)")
    DaskGraphRunner.run = _run_graph


def _run_graph(
    self: Any, inputs: dict[str, Any] | None = None, targets: list[str] | None = None
) -> dict[str, Any]:
    run_targets = tuple(targets or self._graph_schema.target_names)
    plans = self.__dict__.setdefault("_gatehouse_plans", {})
    if run_targets not in plans:
        plans[run_targets] = _plan(self, run_targets)
    results: dict[str, Any] = {}
    for name, value in (inputs or {}).items():
        if isinstance(value, str) and value in plans[run_targets]:
            raise GraphRunError(f"the input {name!r} has the name of a node as its value")
        results[name] = (name, value)
    try:
        for name, (node, needs) in plans[run_targets].items():
            results[name] = node(*(results.get(need, need) for need in needs))
    except RuntimeError as error:
        raise GraphRunError("Error running runner.") from error
    return dict(results[target] for target in run_targets)


def _plan(runner: Any, targets: tuple[str, ...]) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """The nodes that `targets` need, each after those that it needs itself."""
    graph = runner._build_dask_graph(runner._graph_schema.minimal_graph_schema(list(targets)))
    order = TopologicalSorter(
        {name: [n for n in task[1:] if n in graph] for name, task in graph.items()}
    )
    return {name: (graph[name][0], graph[name][1:]) for name in order.static_order()}
