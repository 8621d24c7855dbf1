"""How long a test waits for what must come: long enough for a machine ten times slower.

What is waited for has to stay true once it is. Nothing here says how fast anything is; that is `bench/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; below the limit of pytest-timeout, so that the message is ours


def until(true: Callable[[], object], what: str = "it did not come to that") -> None:
    """Look again and again until `true()`; fails with `what` when it never is."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)
