"""Policies as Cedar, for an engine that was not written here.

Translated from the YAML as a plain library reads it, not from compiled rules, so that the reader is
under test too. Cedar answers ALLOW when the condition of a `forbid` errs, so every fact is asked for
with `has` first, and what a missing one means is written out: it keeps a `permit` from matching and
lets a `forbid` match.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import cedarpy

from gatehouse.policy import Request

SCALE = 1000  # Cedar has whole numbers only
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SUBJECTS = ("self", "team", "anyone", "nobody")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NUMBERS = ("session_age", "confidence", "margin", "refusals", "failed_codes")
LISTED = {
    "department": "departments",
    "employment_type": "employment_types",
    "channel": "channels",
    "network_zone": "network_zones",
}
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    """What the rules are about: the two files of words, and the time zone of rules that name none."""

    words: Mapping[str, Any]
    intents: Mapping[str, Mapping[str, Any]]
    zone: str = "Europe/Berlin"

    def named(self, rule: Rule) -> list[str]:
        """The intents that a rule names."""
        if rule.get("intents") == "all":
            return list(self.intents)
        groups = set(listed(rule.get("groups")))
        grouped = [n for n, about in self.intents.items() if groups & set(listed(about["groups"]))]
        return [*listed(rule.get("intents")), *grouped]


def listed(value: Any) -> list[Any]:
    """One word or a list of words, as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


def translated(rules: Iterable[Rule], world: World) -> str:
    """Three questions for Cedar: `granted` (may it be at all), `free` (without a code), and `near`
    (the same about a runner-up, for which nothing can be bound)."""
    parts = [
        f'permit(principal, action == Action::"{name}", resource);' for name in ("free", "near")
    ]
    for rule in rules:
        scope = f"{among('Intent', world.named(rule))}.contains(resource)"
        person = roles(rule, world)
        granted = 'principal, action == Action::"granted", resource'
        if rule["effect"] == "allow":
            parts.append(
                f"permit({granted}) when {{ {scope} && {person} && {must(rule, world)} }};"
            )
        if rule["effect"] == "deny":
            parts.append(f"forbid({granted}) when {{ {scope} && {person} && {may(rule, world)} }};")
        if "step_up" in rule:
            for action in ("free", "near"):
                code = enough(rule["step_up"], bound=action == "free")
                parts.append(
                    f'forbid(principal, action == Action::"{action}", resource) when '
                    f"{{ {scope} && {person} && {may(rule, world)} && !({code}) }};"
                )
    return "\n".join(parts)


def roles(rule: Rule, world: World) -> str:
    """Whom the rule is about."""
    every = list(world.words["roles"])
    if "except_roles" in rule:
        return f"!({member(listed(rule['except_roles']))})"
    if rule.get("roles") == "any" or "roles" not in rule:
        return member(every) if rule["effect"] == "allow" else "true"
    return member(listed(rule["roles"]))


def member(names: list[str]) -> str:
    return "(" + " || ".join(f'principal in Role::"{name}"' for name in names) + ")"


def among(kind: str, names: Iterable[str]) -> str:
    return "[" + ", ".join(f'{kind}::"{name}"' for name in names) + "]"


def texts(values: Iterable[Any]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def must(rule: Rule, world: World) -> str:
    """Every condition holds and every fact is known; what only the record says is left open."""
    found = [
        f'(context.stage == "intent" || ({known} && {holds}))' if late else f"({known} && {holds})"
        for known, holds, late in conditions(rule, world)
    ]
    return " && ".join(found) or "true"


def may(rule: Rule, world: World) -> str:
    """No known fact speaks against it; what only the record says is no reason yet."""
    found = [
        f'(context.stage != "intent" && (!({known}) || {holds}))'
        if late
        else f"(!({known}) || {holds})"
        for known, holds, late in conditions(rule, world)
    ]
    return " && ".join(found) or "true"


def enough(terms: Mapping[str, Any], *, bound: bool) -> str:
    """Whether the code that was given counts for these terms."""
    age = 0 if terms["max_age"] == "every_request" else seconds(terms["max_age"])
    if bound and (terms.get("bind") or not age):
        return "false"
    age = age or 60
    return (
        "context has aal && context.aal >= 2 && context has aal_age && context.aal_age >= 0 && "
        f"context.aal_age <= {age * SCALE}"
    )


def conditions(rule: Rule, world: World) -> list[tuple[str, str, bool]]:
    """Of each condition: that its fact is known, that it holds, and whether only the record says."""
    found = []
    when = rule.get("when", {})
    zone = str(when.get("hours", "")).partition(" ")[2] or world.zone
    for name, value in when.items():
        if name == "resource":
            found += [attribute(key, below, rule, world) for key, below in value.items()]
        elif name == "slots":
            found += [
                (
                    f"context.slots has {key}",
                    f"{texts(listed(below))}.contains(context.slots.{key})",
                    False,
                )
                for key, below in value.items()
            ]
        elif name == "hours":
            found.append(("context has times", hours(str(value), zone), False))
        elif name == "weekdays":
            days = sorted({day for span in listed(value) for day in weekdays(span)})
            found.append(
                (
                    "context has times",
                    f"{days}.contains(context.times.{key_of(zone)}.weekday)",
                    False,
                )
            )
        else:
            found.append((*plain(name, value, world), False))
    for name, sign in (("valid_from", ">="), ("valid_until", "<=")):
        if name in rule:
            number = date.fromisoformat(str(rule[name])).toordinal()
            day = f"context.times.{key_of(world.zone)}.day {sign} {number}"
            found.append(("context has times", day, False))
    return found


def plain(name: str, value: Any, world: World) -> tuple[str, str]:
    if name == "subject":
        words = texts(listed(value))
        known = (
            f"(if context has subject then {texts(SUBJECTS)}.contains(context.subject) "
            'else context.stage == "intent")'
        )
        holds = (
            f"(if context has subject then {words}.contains(context.subject) "
            f"else {words}.contains(resource.about))"
        )
        return known, holds
    if name in LISTED:
        words = texts(world.words[LISTED[name]])
        return (
            f"(context has {name} && {words}.contains(context.{name}))",
            f"{texts(listed(value))}.contains(context.{name})",
        )
    if name in ("served", "not_served"):
        sign = "" if name == "served" else "!"
        return "context has served", f"{sign}context.served.containsAny({texts(listed(value))})"
    if name == "aal":
        signs = {"min": ">=", "max": "<="}
        return "context has aal", " && ".join(
            f"context.aal {signs[key]} {limit}" for key, limit in value.items()
        )
    assert name in (*NUMBERS, "aal_age"), name
    read = seconds if name in ("session_age", "aal_age") else float
    return f"context has {name}", limits(f"context.{name}", value, read)


def attribute(name: str, value: Any, rule: Rule, world: World) -> tuple[str, str, bool]:
    kind = world.intents[world.named(rule)[0]]["attributes"][name]
    known = f"context.record has {name}"
    if isinstance(value, dict):
        return known, limits(f"context.record.{name}", value, float), True
    values = listed(value)
    if kind == "text":
        return known, f"{texts(values)}.contains(context.record.{name})", True
    if kind == "truth":
        words = [str(one).lower() for one in values]
    else:
        words = [str(whole(one)) for one in values]
    return known, f"[{', '.join(words)}].contains(context.record.{name})", True


def limits(path: str, value: Mapping[str, Any], read: Any) -> str:
    signs = {"min": ">=", "max": "<="}
    return " && ".join(f"{path} {signs[key]} {whole(read(limit))}" for key, limit in value.items())


def hours(text: str, zone: str) -> str:
    minute = f"context.times.{key_of(zone)}.minute"
    first, last = ((int(t[:2]) * 60 + int(t[3:])) for t in text.partition(" ")[0].split("-"))
    if first < last:
        return f"({minute} >= {first} && {minute} < {last})"
    return f"({minute} >= {first} || {minute} < {last})"


def weekdays(span: str) -> list[int]:
    first, _, last = span.partition("-")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def key_of(zone: str) -> str:
    return zone.replace("/", "_")


def seconds(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def whole(number: Any) -> int:
    return round(float(number) * SCALE)


def entities(world: World) -> list[dict[str, Any]]:
    """People with every combination of roles, and the intents with what they are about."""
    every = sorted(world.words["roles"])
    people = [
        {
            "uid": {"type": "User", "id": "+".join(some)},
            "attrs": {},
            "parents": [{"type": "Role", "id": role} for role in some],
        }
        for number in range(len(every) + 1)
        for some in itertools.combinations(every, number)
    ]
    named = [
        {"uid": {"type": "Intent", "id": name}, "attrs": {"about": info["about"]}, "parents": []}
        for name, info in world.intents.items()
    ]
    return people + named


def question(request: Request, action: str, zones: Iterable[str]) -> dict[str, Any]:
    """`request` as Cedar is asked; what is not known is left out."""
    context: dict[str, Any] = {
        "stage": request.stage,
        "slots": dict(request.slots),
        "record": {
            name: value if isinstance(value, str | bool) else whole(value)
            for name, value in request.resource.items()
        },
    }
    person = request.principal
    facts = {
        "subject": request.subject,
        "department": person.department,
        "employment_type": person.employment_type,
        "channel": request.channel,
        "network_zone": request.network_zone,
        "aal": request.aal,
        "served": None if request.served is None else sorted(request.served),
    }
    facts |= {name: scaled(getattr(request, name)) for name in (*NUMBERS, "aal_age")}
    context |= {name: value for name, value in facts.items() if value is not None}
    if request.at is not None:
        context["times"] = {
            key_of(zone): {
                "minute": (at := request.at.astimezone(ZoneInfo(zone))).hour * 60 + at.minute,
                "weekday": at.weekday(),
                "day": at.date().toordinal(),
            }
            for zone in zones
        }
    return {
        "principal": f'User::"{"+".join(sorted(person.roles))}"',
        "action": f'Action::"{action}"',
        "resource": f'Intent::"{request.intent}"',
        "context": context,
    }


def scaled(number: float | None) -> int | None:
    return None if number is None else whole(number)


def answers(
    questions: list[dict[str, Any]], policies: str, known: list[dict[str, Any]]
) -> list[bool]:
    """What Cedar says; an error of any condition is a mistake of the translation."""
    found = cedarpy.is_authorized_batch(questions, policies, known)
    for result in found:
        assert [] == list(result.diagnostics.errors)
        assert result.decision in (cedarpy.Decision.Allow, cedarpy.Decision.Deny)
    return [result.decision == cedarpy.Decision.Allow for result in found]
