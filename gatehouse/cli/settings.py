"""`gatehouse settings`: every setting, what it means and what it is now.

Reads the one typed place, gatehouse/settings/sections.py, so that the list cannot go stale. Must never show
a value that may be a secret: a database URL is shown without its password.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.settings import SECTIONS, Settings, load_settings, sources


@dataclass(frozen=True)
class Entry:
    """One setting as people see it; `value` is in the unit of `type` (durations: seconds)."""

    key: str
    type: str
    default: Any
    value: Any
    environment: str
    source: str
    doc: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of text.")
def settings(as_json: bool) -> None:
    """List every setting: type, default, current value, environment variable, meaning."""
    home = home_directory()
    found = list(entries(load_settings(home), sources(home)))
    if as_json:
        click.echo(json.dumps([vars(entry) for entry in found], indent=2))
        return
    for entry in found:
        click.echo(_as_text(entry))


def entries(current: Settings, origins: dict[str, str]) -> Iterator[Entry]:
    """Every setting in the order of gatehouse/settings/sections.py, with its value in `current`.

    `origins` says for each key where the value comes from.
    """
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            yield Entry(
                key=f"{section}.{item.name}",
                type=_type_of(dict(item.metadata)),
                default=item.default,
                value=_without_password(getattr(getattr(current, section), item.name)),
                environment=f"GATEHOUSE_{section}_{item.name}".upper(),
                source=origins[f"{section}.{item.name}"],
                doc=item.metadata["doc"],
            )


def _type_of(rules: dict[str, Any]) -> str:
    if rules.get("choices"):
        return "one of " + ", ".join(rules["choices"])
    if rules["kind"] == "int":
        return f"whole number from {rules['low']} to {rules['high']}"
    names = {
        "duration": "duration such as 45s, 15m, 8h",
        "list": "list of text",
        "text": "text",
        "truth": "true or false",
    }
    return names[rules["kind"]]


def _without_password(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:…@", value)
    return re.sub(r"(?i)([?&][^=&]*(?:password|passwd|secret)[^=&]*=)[^&]*", r"\1…", hidden)


def _as_text(entry: Entry) -> str:
    unit = "s" if entry.type.startswith("duration") else ""
    return (
        f"{entry.key}\n    {entry.doc}\n"
        f"    now {_shown(entry.value)}{unit} ({entry.source})\n"
        f"    {entry.type}; default {_shown(entry.default)}; {entry.environment}"
    )


def _shown(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text or '""'
