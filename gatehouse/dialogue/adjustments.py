"""What has to be changed inside Rasa 3.6.21 while it runs, each with its reason.

Rasa's files stay as published. Every change checks that what it replaces still looks as it did in
3.6.21 and refuses to start otherwise.
"""

from __future__ import annotations

import inspect
import os
import re
from types import ModuleType, SimpleNamespace
from typing import Any

import jsonschema
import rasa.core.policies.memoization
import rasa.core.policies.rule_policy
import rasa.core.processor
from rasa.core.actions.action import RemoteAction

from gatehouse.errors import NotReady


def apply() -> None:
    """Apply every change that is process-wide; safe to call twice."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    _validate_action_results_once()
    for module, copies in _COPIED_FOR_LOGS.items():
        _log_without_copies(module, copies)


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
