"""What has to be changed inside Rasa 3.6.21 while it runs, each with its reason.

Rasa's files stay as published. Every change checks that what it replaces still looks as it did in
3.6.21 and refuses to start otherwise.
"""

from __future__ import annotations

import os
from typing import Any

import jsonschema
from rasa.core.actions.action import RemoteAction

from gatehouse.errors import NotReady


def apply() -> None:
    """Apply every change that is process-wide; safe to call twice."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    _validate_action_results_once()


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
