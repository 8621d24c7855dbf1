"""The deployment that this process serves.

Rasa builds the tracker store, the dialogue policy, the channel and the actions from class names, so
they fetch the services they need from here.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from gatehouse.logs import take_over
from gatehouse.runtime.assembly import open_runtime
from gatehouse.runtime.services import Runtime
from gatehouse.settings import load_settings

__all__ = [
    "Runtime",
    "current",
    "home_of_this_process",
    "install",
    "open_runtime",
    "opened",
    "redact_logs",
]

_current: Runtime | None = None
_opening = threading.Lock()


def current() -> Runtime:
    """The runtime of this process, opened on first use from `GATEHOUSE_HOME` or the current directory.

    Raises `GatehouseError` when the deployment is not ready.
    """
    global _current
    if _current is None:
        with _opening:
            if _current is None:
                home = home_of_this_process()
                redact_logs()  # an action server comes here before it hears anybody
                _current = open_runtime(home, serving=True)
    return _current


def opened() -> Runtime | None:
    """The runtime of this process if it is open already; for what is optional."""
    return _current


def home_of_this_process() -> Path:
    """`GATEHOUSE_HOME`, or the current directory."""
    return Path(os.environ.get("GATEHOUSE_HOME") or Path.cwd())


def redact_logs() -> None:
    """Put the logs of a process that another launcher started under the rule of `gatehouse.logs`."""
    settings = load_settings(home_of_this_process()).logs
    take_over(settings.level, libraries=None, form=settings.format)


def install(runtime: Runtime) -> None:
    """Make `runtime` the one of this process."""
    global _current
    _current = runtime
