"""The lines that Gatehouse itself logs: constant words and fields that are allowed by name.

A field that is not in `FIELDS` is dropped, because a field that nobody thought about is how a secret
gets into a log. None of them is for what people said, typed, own or are called.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import structlog

from gatehouse.logs.places import place_of

FIELDS = frozenset(
    {
        "action",  # name of a custom action
        "count",
        "endpoint",  # name of a route
        "error",  # `place_of(…)`: type and place
        "first",  # the first mistake in policy files, in the words of their check
        "part",
        "problems",  # how many mistakes
        "reason",  # one of a few words of the program
        "restored",
        "revision",  # beginning of a hash of the policies
        "seconds",
        "status",  # of an answer
        "webhook",  # name of an endpoint in webhooks.toml
        "version",  # of Gatehouse
        "verdict",  # what an edit of the policies does: widens, mixed or loosens
        "what",
        "witness",  # name of a witness of the audit log
    }
)
LONGEST = 300

Field = str | int | float | bool | None


class Line:
    """One line of ours, made here only; `str()` of it is what a plain handler shows."""

    __slots__ = ("event", "fields")

    def __init__(self, event: str, fields: Mapping[str, Field]) -> None:
        self.event = event
        self.fields = fields

    def __str__(self) -> str:
        return " ".join([self.event, *(f"{name}={value}" for name, value in self.fields.items())])


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of the module `name`; takes constant words and fields of `FIELDS`."""
    # Not configured through structlog as a whole: Rasa does that too, and the last one wins.
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, _as_line],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger


def _as_line(_logger: Any, _method: str, given: Any) -> tuple[tuple[Line], dict[str, Any]]:
    event = given.pop("event")
    failure = given.pop("exc_info", None)
    fields = {name: _shown(value) for name, value in given.items() if name in FIELDS}
    if isinstance(failure, BaseException):
        fields["error"] = place_of(failure)
    return (Line(_text(str(event)), fields),), {}


def _shown(value: object) -> Field:
    if isinstance(value, float):
        return round(value, 4)
    if value is None or isinstance(value, bool | int):
        return value
    return _text(str(value)) if isinstance(value, str) else type(value).__name__


def _text(text: str) -> str:
    """One line without control characters (CWE-117)."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:LONGEST]
