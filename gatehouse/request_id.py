"""The number of the request that is being answered, wherever the work goes on.

Made by the channel for each request, it follows through tasks, threads and actions, stands in every
log line and audit entry of that request, and in the answer's `X-Request-Id`. It is random: it says
nothing about a person, and nobody outside chooses it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

METADATA_KEY = "gatehouse_request"
"""Where a message carries it to a separate action server, in the clear and believed only for logs."""

_FORM = re.compile(r"[0-9a-f]{16}")
_current: ContextVar[str | None] = ContextVar("gatehouse_request_id", default=None)


def current() -> str | None:
    """The id of the request that this code runs for, None outside of one."""
    return _current.get()


def begin() -> str:
    """Begin a request: a new id for whatever this task does from here on."""
    made = secrets.token_hex(8)
    _current.set(made)
    return made


@contextmanager
def continued(given: object) -> Iterator[None]:
    """Go on with the id that another process gave, if it has the form of one and there is none yet."""
    if _current.get() is not None or not isinstance(given, str) or not _FORM.fullmatch(given):
        yield
        return
    token = _current.set(given)
    try:
        yield
    finally:
        _current.reset(token)
