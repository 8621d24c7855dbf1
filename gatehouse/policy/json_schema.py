"""JSON Schemas of the policy files, with this assistant's own words, for editors that complete them.

An editor that knows the schema offers requests, roles and responses while somebody types, and marks
what is wrong. It is a help and no check: `gatehouse policy check` decides, and knows more. What the
check accepts must never be marked. Draft-07, which editors for YAML understand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatehouse.errors import Unavailable
from gatehouse.policy.cases import EFFECTS as TEST_EFFECTS
from gatehouse.policy.model import LEVELS, PROTECTION, SUBJECTS
from gatehouse.policy.records import AMOUNTS
from gatehouse.policy.rules import EFFECTS
from gatehouse.policy.vocabulary import ATTRIBUTE_TYPES, LISTS, Vocabulary

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
FOLDER = "schema"
NAME: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}
WORDS: Schema = {"type": "string", "minLength": 3}
DURATION: Schema = {
    "type": "string",
    "pattern": "^[1-9][0-9]{0,5}[smhd]$",
    "examples": ["30s", "5m", "8h"],
}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$", "examples": ["2027-03-31"]}
HOURS: Schema = {
    "type": "string",
    "pattern": r"^\s*\d\d:\d\d-\d\d:\d\d( \S+)?\s*$",
    "examples": ["08:00-18:00", "06:00-22:00 Europe/Berlin"],
}
WEEKDAY: Schema = {
    "type": "string",
    "pattern": "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$",
    "examples": ["mon-fri", "sat"],
}
ABOUT: Mapping[str, str] = {
    "id": "A name that no other rule has.",
    "why": "The reason, in words. It is in every record of a decision.",
    "effect": "allow, deny, or step_up: only ask for a code.",
    "intents": "The requests the rule is about.",
    "groups": "Groups of requests, as intents.yml names them.",
    "roles": "Who it is about: roles, or any for everybody who is signed in.",
    "except_roles": "Everybody but these roles (deny and step_up only).",
    "when": "Conditions; all must hold.",
    "step_up": "What the code must be like.",
    "say": "The response that a refused person gets (deny only).",
    "valid_from": "The first day on which the rule applies.",
    "valid_until": "The last day on which the rule applies; it ends by itself.",
    "subject": "Whose data it is about.",
    "hours": "Local time; may go over midnight. Keep the quotes.",
    "weekdays": "Days in the time zone of hours.",
    "aal": "Assurance level: 1 with a password, 2 once a code was given.",
    "aal_age": "Time since the code was given.",
    "session_age": "Time since sign-in.",
    "confidence": "How sure the assistant is of the meaning, 0 to 1.",
    "margin": "How far the next meaning is behind, 0 to 1.",
    "refusals": "Refusals in this conversation within the last hour.",
    "failed_codes": "Wrong codes in this conversation.",
    "served": "One of these was carried out before in this conversation.",
    "not_served": "None of these was carried out before in this conversation.",
    "slots": "What the conversation remembers.",
    "resource": "Facts about the record.",
    "max_age": "How old an earlier code may be, or every_request.",
    "bind": "The values that the code approves.",
    "ask": "When the code is asked for.",
}


def schemas(vocabulary: Vocabulary) -> dict[str, Schema]:
    """The schema of each kind of policy file, by the name of its own file."""
    words = _Words(vocabulary)
    kinds = {
        "rules": ("Rules", words.rules()),
        "tests": ("Policy tests", words.tests()),
        "intents": ("The requests the assistant understands", words.intents()),
        "vocabulary": ("The words that rules may use", words.vocabulary()),
    }
    return {
        f"{kind}.schema.json": {"$schema": DRAFT, "title": title, **schema}
        for kind, (title, schema) in kinds.items()
    }


def write(directory: Path, vocabulary: Vocabulary) -> list[Path]:
    """Write the schemas beside the policies in `directory`; the files that changed.

    Raises `Unavailable`.
    """
    written: list[Path] = []
    try:
        (directory / FOLDER).mkdir(exist_ok=True)
        for name, content in schemas(vocabulary).items():
            path = directory / FOLDER / name
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise Unavailable(f"the schemas cannot be written: {error.strerror}") from error
    return written


class _Words:
    """Builds the schemas from the words of one assistant."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._intent = _one(vocabulary.intents)
        self._group = _one(vocabulary.groups)
        self._role = _one(vocabulary.roles)
        self._response = _one(vocabulary.domain.responses)

    def rules(self) -> Schema:
        """A file of rules."""
        head: dict[str, Schema] = {"version": {"const": 1}, "owner": {"type": "string"}}
        rule = {"type": "array", "minItems": 1, "items": self._rule()}
        return _object({**head, "rules": rule}, ["version", "owner", "rules"])

    def _rule(self) -> Schema:
        values = [info.values for info in self._vocabulary.intents.values()]
        code = _object(
            {
                "level": _one(LEVELS),
                "max_age": {"anyOf": [{"const": "every_request"}, DURATION]},
                "bind": _some(_one(frozenset[str]().union(*values))),
                "ask": _one(("at_once", "at_confirmation")),
            },
            ["level", "max_age"],
        )
        rule = _object(
            {
                "id": NAME,
                "why": WORDS,
                "effect": _one(EFFECTS),
                "intents": {"anyOf": [{"const": "all"}, _some(self._intent)]},
                "groups": _some(self._group),
                "roles": {"anyOf": [{"const": "any"}, _some(self._role)]},
                "except_roles": _some(self._role),
                "when": self._when(),
                "step_up": code,
                "say": self._response,
                "valid_from": DAY,
                "valid_until": DAY,
            },
            ["id", "why", "effect"],
        )
        rule["anyOf"] = [{"required": ["intents"]}, {"required": ["groups"]}]
        rule["allOf"] = [
            _if_effect("allow", ["roles"], ["say", "except_roles"]),
            _if_effect("deny", [], ["step_up"]),
            _if_effect("step_up", ["step_up"], ["say"]),
            {"not": {"required": ["roles", "except_roles"]}},
        ]
        return rule

    def _when(self) -> Schema:
        listed = {name[:-1]: self._vocabulary.lists[name] for name in LISTS}
        share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
        count: Schema = {"type": "integer", "minimum": 0}
        amounts: dict[str, Schema] = {
            "aal_age": DURATION,
            "session_age": DURATION,
            "confidence": share,
            "margin": share,
        }
        attributes: dict[str, set[str]] = {}
        for info in self._vocabulary.intents.values():
            for name, kind in info.attributes.items():
                attributes.setdefault(name, set()).add(kind)
        keys: dict[str, Schema] = {
            "subject": _some(_one(SUBJECTS)),
            **{key: _some(_one(words)) for key, words in listed.items() if words},
            "hours": HOURS,
            "weekdays": _some(WEEKDAY),
            **{key: _limits(amounts.get(key, count)) for key in AMOUNTS},
            "served": _some(self._intent),
            "not_served": _some(self._intent),
            "slots": self._slots(_some(_TEXT)),
            "resource": _object(
                {
                    name: {"anyOf": [_attribute(kind) for kind in sorted(kinds)]}
                    for name, kinds in attributes.items()
                }
            ),
        }
        return {**_object(keys), "minProperties": 1}

    def _slots(self, value: Schema) -> Schema:
        known = self._vocabulary.domain.slots
        if known is None:
            return {"type": "object", "additionalProperties": value}
        return _object(dict.fromkeys(sorted(known), value))

    def tests(self) -> Schema:
        """A file of policy tests."""
        lists = self._vocabulary.lists
        person = _object(
            {
                "roles": _some(self._role),
                **{key[:-1]: _one(lists[key]) for key in LISTS[:2] if lists[key]},
            },
            ["roles"],
        )
        test = _object(
            {
                "name": {"type": "string"},
                "people": _some({"type": "string"}),
                "intents": {"anyOf": [{"const": "all"}, _some(self._intent)]},
                "groups": _some(self._group),
                "given": self._given(),
                "expect": _one(TEST_EFFECTS),
                "at_most": _one(TEST_EFFECTS),
                "because": {"type": "string"},
                "say": self._response,
            },
            ["name", "people"],
        )
        test["anyOf"] = [{"required": ["intents"]}, {"required": ["groups"]}]
        test["oneOf"] = [{"required": ["expect"]}, {"required": ["at_most"]}]
        return _object(
            {
                "version": {"const": 1},
                "unlisted": _one(("denied", "not_tested")),
                "people": {"type": "object", "additionalProperties": person},
                "given": self._given(),
                "tests": {"type": "array", "minItems": 1, "items": test},
            },
            ["version", "people", "tests"],
        )

    def _given(self) -> Schema:
        lists = self._vocabulary.lists
        share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
        count: Schema = {"type": "integer", "minimum": 0}
        return _object(
            {
                "at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d$"},
                "subject": _one(SUBJECTS),
                "resource": {"type": "object"},
                "stage": _one(("intent", "resource")),
                **{key[:-1]: _one(lists[key]) for key in LISTS[2:] if lists[key]},
                "session_age": DURATION,
                "aal": count,
                "aal_age": DURATION,
                "confidence": share,
                "margin": share,
                "runners_up": _object(dict.fromkeys(self._vocabulary.intents, share)),
                "refusals": count,
                "failed_codes": count,
                "served": _some(self._intent),
                "slots": self._slots(_TEXT),
                "unknown": _some({"type": "string"}),
            }
        )

    def intents(self) -> Schema:
        """The file of requests."""
        known = sorted(self._vocabulary.domain.intents)
        intent = _object(
            {
                "about": _one(SUBJECTS),
                "groups": _some(NAME),
                "protection": _one(PROTECTION),
                "values": _some(NAME),
                "attributes": {"type": "object", "additionalProperties": _one(ATTRIBUTE_TYPES)},
                "retention": _one(self._vocabulary.retention),
            },
            ["about", "groups", "protection"],
        )
        described = _object({key: {"$ref": "#/definitions/request"} for key in known}, known)
        head: dict[str, Schema] = {"version": {"const": 1}, "owner": {"type": "string"}}
        file = _object({**head, "intents": described}, ["version", "intents"])
        return {**file, "definitions": {"request": intent}}

    def vocabulary(self) -> Schema:
        """The file of words."""
        roles = self._vocabulary.domain.roles
        role = _object({"about": WORDS, "comes_with": _some({"type": "string"})}, ["about"])
        runner_up = _object(
            {
                "margin": {"type": "number", "minimum": 0, "maximum": 1},
                "say": self._response,
                "except": _some(self._intent),
            },
            ["margin", "say"],
        )
        named = _object(dict.fromkeys(sorted(roles), role)) if roles else None
        return _object(
            {
                "version": {"const": 1},
                "owner": {"type": "string"},
                "roles": named or {"type": "object", "additionalProperties": role},
                **{name: {"type": "array", "items": {"type": "string"}} for name in LISTS},
                "retention": {"type": "object", "additionalProperties": DURATION},
                "trusted_slots": _some({"type": "string"}),
                "refusal": self._response,
                "runner_up": runner_up,
            },
            ["version", "roles", "refusal", "runner_up"],
        )


_TEXT: Schema = {"type": ["string", "number", "boolean"]}


def _one(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(words) if isinstance(words, frozenset) else [*words]}


def _some(one: Schema) -> Schema:
    """One, or a list of several."""
    return {"anyOf": [one, {"type": "array", "minItems": 1, "uniqueItems": True, "items": one}]}


def _limits(number: Schema) -> Schema:
    return {**_object({"min": number, "max": number}), "minProperties": 1}


def _attribute(kind: str) -> Schema:
    if kind == "truth":
        return {"type": "boolean"}
    if kind == "text":
        return _some({"type": "string"})
    return {"anyOf": [_some({"type": "number"}), _limits({"type": "number"})]}


def _object(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    described = {
        name: {"description": ABOUT[name], **schema} if name in ABOUT else schema
        for name, schema in properties.items()
    }
    return {
        "type": "object",
        "properties": described,
        "required": [*required],
        "additionalProperties": False,
    }


def _if_effect(effect: str, required: list[str], without: list[str]) -> Schema:
    then: Schema = {"required": required}
    if without:
        then["not"] = {"anyOf": [{"required": [name]} for name in without]}
    condition = {"properties": {"effect": {"const": effect}}, "required": ["effect"]}
    return {"if": condition, "then": then}
