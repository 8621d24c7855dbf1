"""How a setting is written: its default, its kind and limits, and reading a value of that kind.

Every refusal names the key and what is allowed. A value must never be guessed at: what is not exactly
of its kind stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from gatehouse.errors import InvalidInput

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object, key: str) -> int:
    """Seconds in `value`: a whole number of seconds or text such as `45s`, `15m`, `8h`, `30d`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"([1-9]\d{0,8})\s*([smhd]?)", value) if isinstance(value, str) else None
    if not match:
        raise InvalidInput(
            f"{key}: {value!r} is not a duration", "write a number and s, m, h or d, such as 15m"
        )
    return int(match[1]) * _UNITS[match[2] or "s"]


def setting(default: Any, doc: str, *, kind: str = "text", **limits: Any) -> Any:
    """A field of a section: its default, its meaning, and what `convert` holds a value to."""
    return field(default=default, metadata={"doc": doc, "kind": kind, **limits})


def convert(raw: object, rules: Mapping[str, Any], key: str) -> Any:
    """`raw` as the kind that `rules` name; raises `InvalidInput` that names `key`."""
    kind = rules["kind"]
    if kind == "duration":
        return _duration(raw, rules, key)
    if kind == "int":
        return _whole_number(raw, rules, key)
    if kind == "list":
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise InvalidInput(f"{key}: must be a list of text")
        return tuple(item.strip() for item in items if item.strip())
    if kind == "truth":
        if not isinstance(raw, bool) and raw not in ("true", "false"):
            raise InvalidInput(f"{key}: {raw!r} is not allowed", "true or false")
        return raw is True or raw == "true"
    if not isinstance(raw, str):
        raise InvalidInput(f"{key}: must be text")
    choices = rules.get("choices")
    if choices and raw not in choices:
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"one of {', '.join(choices)}")
    return raw


def _duration(raw: object, rules: Mapping[str, Any], key: str) -> int:
    if rules.get("zero") and raw in (0, "0", "0s"):
        return 0
    seconds = parse_duration(raw, key)
    if seconds > rules.get("high", seconds):
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"at most {rules['high'] // 60}m")
    return seconds


def _whole_number(raw: object, rules: Mapping[str, Any], key: str) -> int:
    low, high = rules["low"], rules["high"]
    number: int | None = None
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    elif isinstance(raw, str) and re.fullmatch(r"\d{1,9}", raw):
        number = int(raw)
    if number is None or not low <= number <= high:
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"a whole number from {low} to {high}")
    return number
