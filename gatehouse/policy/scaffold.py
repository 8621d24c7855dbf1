"""The text of a new rule, to be completed by a person.

A rule that opens something is only ever prepared as a comment: nothing that is generated may give
access by itself. The text is checked as part of the whole directory before it is written anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

INDENT = "  "


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of the new rule; empty: not said."""

    id: str
    effect: str = "deny"
    why: str = ""
    intents: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    except_roles: tuple[str, ...] = ()
    say: str = ""
    hours: str = ""
    weekdays: str = ""
    network_zone: str = ""
    subject: tuple[str, ...] = ()
    max_age: str = ""
    valid_from: date | None = None
    valid_until: date | None = None


def rule_text(outline: Outline) -> str:
    """The rule as lines of a `rules:` list, as a comment when it would open something."""
    lines = _lines(outline)
    if outline.effect != "allow":
        return _live(lines)
    notice = [
        "This rule opens something, so it is prepared as a comment. Complete it, remove the `# `",
        "in front of its lines, and look at `gatehouse policy diff` before it is in force.",
    ]
    return "".join(f"{INDENT}# {line}\n" for line in [*notice, *lines])


def file_text(outline: Outline, owner: str) -> str:
    """A whole new file with the rule in it."""
    return _file(rule_text(outline), owner)


def uncommented(outline: Outline, owner: str) -> str:
    """A whole file with the rule as it reads once nothing of it is a comment; to be checked."""
    return _file(_live(_lines(outline)), owner)


def _file(rule: str, owner: str) -> str:
    return (
        "# yaml-language-server: $schema=./schema/rules.schema.json\n"
        f"version: 1\nowner: {owner}\nrules:\n{rule}"
    )


def _lines(outline: Outline) -> list[str]:
    return [f"- id: {outline.id}", *(f"  {line}" for line in _keys(outline))]


def _live(lines: list[str]) -> str:
    return "".join(f"{INDENT}{line}\n" for line in lines)


def _keys(outline: Outline) -> list[str]:
    lines = [f"why: {json.dumps(outline.why or 'Say here in words why.', ensure_ascii=False)}"]
    lines.append(f"effect: {outline.effect}")
    for key in ("intents", "groups", "roles", "except_roles"):
        names = getattr(outline, key)
        if names:
            everybody = key == "roles" and tuple(names) == ("any",)
            lines.append(f"{key}: {'any' if everybody else _list(names)}")
    if outline.effect == "allow" and not outline.roles:
        lines.append("roles: any")
    conditions = [
        *([f"subject: {_list(outline.subject)}"] if outline.subject else []),
        *([f"network_zone: {outline.network_zone}"] if outline.network_zone else []),
        *([f"hours: {json.dumps(outline.hours)}"] if outline.hours else []),
        *([f"weekdays: {outline.weekdays}"] if outline.weekdays else []),
    ]
    if conditions:
        lines.append(f"when: {{{', '.join(conditions)}}}")
    if outline.effect == "step_up" or outline.max_age:
        lines.append(f"step_up: {{level: aal2, max_age: {outline.max_age or '5m'}}}")
    if outline.say:
        lines.append(f"say: {outline.say}")
    for key in ("valid_from", "valid_until"):
        day = getattr(outline, key)
        if day:
            lines.append(f"{key}: {day.isoformat()}")
    return lines


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"
