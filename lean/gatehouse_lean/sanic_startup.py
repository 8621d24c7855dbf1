"""Sanic 25 starts servers in worker processes; Rasa 3.6.21 and rasa-sdk 3.6.2 cannot be started so.

Sanic (since 22.9) imports the application again in each worker. Rasa and rasa-sdk build theirs at
run time and call `app.run()`, as was right for the Sanic 21.12 they were written for; the worker
then finds no application and gives up. `single_process=True` is Sanic's own answer, and this makes
it the default. A caller who asks for workers, reloading or `single_process` gets what was asked for.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any


def adjust(startup: ModuleType) -> None:
    """Make one process the default of `Sanic.run`."""
    original = startup.StartupMixin.run

    @functools.wraps(original)
    def run(app: Any, *args: Any, **options: Any) -> None:
        several = options.get("workers", 1) > 1 or options.get("fast") or options.get("auto_reload")
        options.setdefault("single_process", not (several or options.get("dev")))
        original(app, *args, **options)

    startup.StartupMixin.run = run
