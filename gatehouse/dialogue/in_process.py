"""Runs custom actions inside the serving process.

Rasa calls its action server over HTTP; this endpoint hands the same call to rasa-sdk's executor
directly, so that there is no second port to protect. Guarded actions verify the assertion all the
same: being in one process is no reason to trust a call.
"""

from __future__ import annotations

import json
from typing import Any

from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from gatehouse.dialogue.guarded import GuardedAction, PureForm
from gatehouse.dialogue.step_up_action import RequestStepUp
from gatehouse.dialogue.verified import VerifiedAction
from gatehouse.errors import InvalidInput


def require_guarded(executor: ActionExecutor) -> None:
    """Raise `InvalidInput` when an action could run without identity and policy having agreed."""
    for name, run in executor.actions.items():
        action = getattr(run, "__self__", None)
        if not isinstance(action, GuardedAction | VerifiedAction | PureForm | RequestStepUp):
            raise InvalidInput(
                f"the action {name} is not guarded",
                "derive it from gatehouse.dialogue.guarded.GuardedAction, "
                "or a form validation from PureForm",
            )


class InProcessActions(EndpointConfig):
    """An action endpoint that never leaves the process."""

    def __init__(self, package: str = "actions") -> None:
        """Load every action of `package` (a dotted name)."""
        super().__init__(url="in-process")
        self._executor = ActionExecutor()
        self._executor.register_package(package)
        require_guarded(self._executor)

    @property
    def action_names(self) -> frozenset[str]:
        """The names of the actions that can be run."""
        return frozenset(self._executor.actions)

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Run the action call in `kwargs["json"]`; errors as Rasa expects them from a server."""
        try:
            return await self._executor.run(kwargs["json"])
        except ActionExecutionRejection as error:
            body = json.dumps({"action_name": error.action_name, "error": error.message})
            raise ClientResponseError(400, error.message, body) from error
        except ActionNotFoundException as error:
            body = json.dumps({"action_name": error.action_name})
            raise ClientResponseError(404, "no such action", body) from error
