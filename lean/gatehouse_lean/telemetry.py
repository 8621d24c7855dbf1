"""Rasa 3.6.21 reports usage and errors to outside services unless told not to; here it never does.

Rasa asks the environment variable first, then a file in the home directory that it creates itself
with reporting switched on. The variable is set, whatever it was: a conversation about pay must not
depend on somebody remembering it.
"""

from __future__ import annotations

import os
from types import ModuleType


def adjust(telemetry: ModuleType) -> None:
    """Switch reporting off for this process and those that it starts."""
    os.environ[telemetry.TELEMETRY_ENABLED_ENVIRONMENT_VARIABLE] = "false"
