"""Makes loopback the address that Rasa's servers listen on when nobody names one.

Rasa 3.6.21 and rasa-sdk 3.6.2 listen on 0.0.0.0: the action server believes whoever reaches it, so
one `rasa run actions` on an office network would hand out what the actions know. `rasa run -i …` and
the variable SANIC_HOST, which rasa-sdk reads, still say otherwise; they must always win.
"""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

LOOPBACK = "127.0.0.1"


def adjust(module: ModuleType) -> None:
    """Change the default of the module that was imported."""
    if module.__name__ == "rasa.core.constants":
        module.DEFAULT_SERVER_INTERFACE = LOOPBACK  # type: ignore[attr-defined]
    else:
        _adjust_action_server(module)


def _adjust_action_server(endpoint: ModuleType) -> None:
    original = endpoint.run

    @functools.wraps(original)
    def run(*args: Any, **options: Any) -> None:
        os.environ.setdefault("SANIC_HOST", LOOPBACK)
        original(*args, **options)

    endpoint.run = run  # type: ignore[attr-defined]
