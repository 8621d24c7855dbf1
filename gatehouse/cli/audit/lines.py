"""An entry as a line for people."""

from __future__ import annotations

from typing import Any

_SHORT = ("person", "conversation", "revision", "offered", "previous", "request_id", "request")


def line(sequence: int, body: dict[str, Any]) -> str:
    """Position, time, kind and facts; pseudonyms and revisions by their first eight characters."""
    facts = "  ".join(
        f"{name}={_short(value) if name in _SHORT else value}"
        for name, value in sorted(body.items())
        if value not in ([], None) and name not in ("at", "clock", "kind", "version")
    )
    mark = "" if body.get("clock", "synchronised") == "synchronised" else "~"
    return f"{sequence:>6}  {body['at']}{mark}  {body['kind']:<18}  {facts}"


def _short(value: object) -> str:
    return str(value)[:8]
