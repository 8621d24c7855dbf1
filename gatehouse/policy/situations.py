"""The context of a question as a person writes it: in policy tests and on the command line.

Starts from an ordinary situation, in which every fact is known and harmless, and changes what is
said. Nothing here is used by a serving process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from gatehouse.policy.document import Node
from gatehouse.policy.errors import did_you_mean
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import SUBJECTS, Principal, Request, Value
from gatehouse.policy.times import zone_of
from gatehouse.policy.vocabulary import Vocabulary

# A Wednesday morning. Fixed, so that a test that passes today passes in a year; rules with validity
# dates are tested with `at`.
ORDINARY_TIME = "2027-03-03 10:00"
KEYS = (
    "at",
    "subject",
    "resource",
    "stage",
    "channel",
    "network_zone",
    "session_age",
    "aal",
    "aal_age",
    "confidence",
    "margin",
    "runners_up",
    "refusals",
    "failed_codes",
    "served",
    "slots",
    "unknown",
)
_ABSENT: dict[str, Any] = {
    "at": None,
    "subject": None,
    "resource": {},
    "channel": None,
    "network_zone": None,
    "session_age": None,
    "aal": None,
    "aal_age": None,
    "confidence": None,
    "margin": None,
    "runners_up": None,
    "refusals": None,
    "failed_codes": None,
    "served": None,
    "slots": {},
}


def ordinary(vocabulary: Vocabulary) -> Request:
    """A working day at ten, the first channel and zone, signed in for a minute without a code."""
    return Request(
        principal=Principal("nobody", frozenset()),
        intent="",
        at=_time(ORDINARY_TIME, vocabulary.zone),
        channel=next(iter(vocabulary.lists["channels"]), None),
        network_zone=next(iter(vocabulary.lists["network_zones"]), None),
        session_age=60.0,
        aal=1,
        confidence=1.0,
        margin=1.0,
        runners_up=(),
        refusals=0,
        failed_codes=0,
        served=frozenset(),
        slots=dict.fromkeys(vocabulary.domain.slots or (), ""),
        stage="intent",
    )


def read_situation(
    fields: Fields, node: Node, path: str, base: Request, vocabulary: Vocabulary
) -> Request:
    """`base` changed by the keys of a `given`; mistakes are reported to `fields`.

    A subject or a record makes it a question of the resource stage, unless `stage` says otherwise.
    """
    entries = fields.mapping(node, path, KEYS)
    changes: dict[str, Any] = {}
    for key, below in entries.items():
        place = join(path, key)
        if key == "unknown":
            names = fields.names(below, place, _ABSENT.keys(), "fact")
            changes.update({name: _ABSENT[name] for name in names or ()})
        else:
            changes[key] = _READERS[key](fields, below, place, vocabulary)
    if "stage" not in changes and not changes.keys().isdisjoint({"subject", "resource"}):
        changes["stage"] = "resource"
    return replace(base, **changes)


Reader = Callable[[Fields, Node, str, Vocabulary], Any]


def _at(fields: Fields, node: Node, path: str, vocabulary: Vocabulary) -> datetime | None:
    text = fields.text(node, path)
    if text is None:
        return None
    try:
        return _time(text, vocabulary.zone)
    except ValueError:
        fields.wrong(node, path, f"`{text}` is not a time", "write it as 2026-12-31 14:30")
        return None


def _time(text: str, zone: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone_of(zone))


def _listed(name: str, words: str) -> Reader:
    def read(fields: Fields, node: Node, path: str, vocabulary: Vocabulary) -> str | None:
        return fields.choice(node, path, vocabulary.lists[words], name)

    return read


def _from(names: tuple[str, ...], noun: str) -> Reader:
    return lambda fields, node, path, vocabulary: fields.choice(node, path, names, noun)


def _number(read: Callable[[Fields, Node, str], float | int | None]) -> Reader:
    return lambda fields, node, path, vocabulary: read(fields, node, path)


def _ranking(
    fields: Fields, node: Node, path: str, vocabulary: Vocabulary
) -> tuple[tuple[str, float], ...]:
    found: list[tuple[str, float]] = []
    for name, below in fields.mapping(node, path, vocabulary.intents.keys()).items():
        confidence = fields.fraction(below, join(path, name))
        found.append((name, confidence or 0.0))
    return tuple(found)


def _served(fields: Fields, node: Node, path: str, vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(fields.names(node, path, vocabulary.intents.keys(), "intent") or ())


def _slots(fields: Fields, node: Node, path: str, vocabulary: Vocabulary) -> dict[str, str]:
    entries = fields.mapping(node, path, vocabulary.domain.slots)
    read = {name: fields.text(below, join(path, name)) for name, below in entries.items()}
    return {name: text for name, text in read.items() if text is not None}


def _record(fields: Fields, node: Node, path: str, vocabulary: Vocabulary) -> dict[str, Value]:
    kinds: dict[str, str] = {}
    for info in vocabulary.intents.values():
        kinds.update(info.attributes)
    found: dict[str, Value] = {}
    for name, below in fields.mapping(node, path, None).items():
        place = join(path, name)
        if name not in kinds:
            hint = did_you_mean(name, kinds)
            fields.wrong(below, place, f"no intent has the attribute `{name}`", hint)
            continue
        value = fields.value(below, place, kinds[name])
        if value is not None:
            found[name] = value
    return found


_READERS: dict[str, Reader] = {
    "at": _at,
    "subject": _from(SUBJECTS, "subject"),
    "resource": _record,
    "stage": _from(("intent", "resource"), "stage"),
    "channel": _listed("channel", "channels"),
    "network_zone": _listed("network zone", "network_zones"),
    "session_age": _number(Fields.duration),
    "aal": _number(Fields.whole),
    "aal_age": _number(Fields.duration),
    "confidence": _number(Fields.fraction),
    "margin": _number(Fields.fraction),
    "runners_up": _ranking,
    "refusals": _number(Fields.whole),
    "failed_codes": _number(Fields.whole),
    "served": _served,
    "slots": _slots,
}
