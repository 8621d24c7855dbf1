"""Gives `sanic.response.stream` back, which Rasa's rest channel calls and `rasa shell` lives on.

Sanic (since 23.6) has no such function; the class that it returned is still there and takes the same
arguments. Written for Sanic 25.12 and Rasa 3.6.21.
"""

from __future__ import annotations

from types import ModuleType


def adjust(response: ModuleType) -> None:
    """Add the old name, unless Sanic has one of its own."""
    if not hasattr(response, "stream"):
        response.stream = response.ResponseStream  # type: ignore[attr-defined]
