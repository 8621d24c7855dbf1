"""An entry as a line for people: what was decided comes first, who and which request last.

The facts that a decision weighed are left to `gatehouse audit show`: a line is for finding an entry.
"""

from __future__ import annotations

from typing import Any

import click

_FIRST = (
    "effect",
    "decided",
    "intent",
    "subject",
    "stage",
    "rule",
    "outcome",
    "operation",
    "reason",
)
_LAST = ("roles", "person", "conversation", "request", "request_id")
_SHORT = ("person", "conversation", "revision", "offered", "previous", "request_id", "request")
_HEAD = ("at", "clock", "kind", "version")
_WEIGHED = (
    "facts", "confidence", "margin", "runners_up", "session_minutes", "aal_minutes",
    "network_zone", "served", "refusals", "failed_codes",
)  # fmt: skip
_COLOURS = {"allow": "green", "deny": "red", "step_up": "yellow"}


def line(sequence: int, body: dict[str, Any]) -> str:
    """Position, time, kind and facts; pseudonyms and revisions by their first eight characters."""
    decision = body["kind"] == "decision"
    left_out = {*_HEAD, *(_WEIGHED if decision else ()), *(("revision",) if decision else ())}
    names = [name for name in _FIRST if name in body]
    names += sorted(body.keys() - {*_FIRST, *_LAST})
    names += [name for name in _LAST if name in body]
    facts = "  ".join(
        _fact(name, body[name])
        for name in names
        if name not in left_out and body[name] not in ([], None)
    )
    mark = "" if body.get("clock", "synchronised") == "synchronised" else "~"
    return f"{sequence:>6}  {body['at']}{mark}  {body['kind']:<18}  {facts}"


def _fact(name: str, value: object) -> str:
    if name in _SHORT:
        value = str(value)[:8]
    elif isinstance(value, list):
        value = ",".join(str(item) for item in value)
    text = f"{name}={value}"
    return click.style(text, fg=_COLOURS.get(str(value))) if name == "effect" else text
