"""The words that rules may use: `vocabulary.yml` and `intents.yml`.

Rules are written from a closed vocabulary, so that a misspelt word is a mistake and not a rule that
never matches. Every intent of the domain must be described; an intent may not be described that the
domain does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gatehouse.policy.document import Mapping as MappingNode
from gatehouse.policy.document import Node, Scalar, Sequence, is_scalar
from gatehouse.policy.domain import BUILT_IN_INTENTS, Domain
from gatehouse.policy.errors import Problems, did_you_mean
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import PROTECTION, SUBJECTS, IntentInfo

FILE = "vocabulary.yml"
INTENTS_FILE = "intents.yml"
LISTS = ("departments", "employment_types", "channels", "network_zones")
_KEYS = ("version", "owner", "roles", *LISTS, "retention", "trusted_slots", "refusal", "runner_up")
_INTENT_KEYS = ("about", "groups", "protection", "values", "attributes", "retention")
ATTRIBUTE_TYPES = ("text", "number", "truth")


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """How a more protected runner-up counts: within `margin` of confidence, answered with `say`.

    The intents of `continues` only go on with what was begun and reveal nothing by themselves.
    """

    margin: float
    say: str
    continues: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word a rule may use.

    `roles` maps a role to its description; `comes_with` to the roles that its accounts have too.
    `lists` has the allowed values of department, employment type, channel and network zone.
    `retention` maps a retention class to seconds; `trusted_slots` are set by actions only.
    """

    roles: Mapping[str, str]
    comes_with: Mapping[str, frozenset[str]]
    lists: Mapping[str, tuple[str, ...]]
    retention: Mapping[str, int]
    trusted_slots: frozenset[str]
    refusal: str
    runner_up: RunnerUp
    intents: Mapping[str, IntentInfo]
    groups: Mapping[str, frozenset[str]]
    domain: Domain
    zone: str


def read(words: Node, intents: Node, domain: Domain, zone: str, problems: Problems) -> Vocabulary:
    """The vocabulary from its two files; mistakes go to `problems`."""
    fields = Fields(problems)
    entries = fields.mapping(words, "", _KEYS, ("version", "roles", "refusal", "runner_up"))
    fields.version(entries)
    roles, comes_with = _roles(fields, entries, domain)
    retention = _retention(fields, entries.get("retention"))
    described = _intents(fields, intents, domain, retention)
    groups: dict[str, set[str]] = {}
    for info in described.values():
        for group in info.groups:
            groups.setdefault(group, set()).add(info.name)
    refusal = entries.get("refusal")
    say = refusal and fields.choice(refusal, "refusal", domain.responses, "response")
    return Vocabulary(
        roles=MappingProxyType(roles),
        comes_with=MappingProxyType(comes_with),
        lists=MappingProxyType({name: _list(fields, entries, name) for name in LISTS}),
        retention=MappingProxyType(retention),
        trusted_slots=_trusted(fields, entries.get("trusted_slots"), domain),
        refusal=say or "",
        runner_up=_runner_up(fields, entries, domain),
        intents=MappingProxyType(described),
        groups=MappingProxyType({name: frozenset(group) for name, group in groups.items()}),
        domain=domain,
        zone=zone,
    )


def _roles(
    fields: Fields, entries: dict[str, Node], domain: Domain
) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    roles: dict[str, str] = {}
    comes_with: dict[str, frozenset[str]] = {}
    node = entries.get("roles")
    if node is None:
        return roles, comes_with
    found = fields.mapping(node, "roles", None)
    for name, below in found.items():
        path = join("roles", name)
        if domain.roles is not None and name not in domain.roles:
            hint = did_you_mean(name, domain.roles, noun="roles")
            fields.wrong(below, path, f"no account can have the role `{name}`", hint)
        keys = fields.mapping(below, path, ("about", "comes_with"), ("about",))
        about = keys.get("about")
        roles[name] = (about and fields.text(about, join(path, "about"), words=True)) or ""
        also = keys.get("comes_with")
        names = also and fields.names(also, join(path, "comes_with"), tuple(found), "role")
        comes_with[name] = frozenset(names or ()) | {name}
    return roles, comes_with


def _retention(fields: Fields, node: Node | None) -> dict[str, int]:
    if node is None:
        return {}
    found: dict[str, int] = {}
    for name, below in fields.mapping(node, "retention", None).items():
        # A class that cannot be read stays known: the load fails for its own mistake only.
        found[name] = fields.duration(below, join("retention", name)) or 0
    return found


def _trusted(fields: Fields, node: Node | None, domain: Domain) -> frozenset[str]:
    if node is None:
        return frozenset()
    names: set[str] = set()
    listed = [(node, "trusted_slots")]
    for item, path in listed if is_scalar(node) else fields.items(node, "trusted_slots"):
        name = fields.text(item, path)
        if name is not None and domain.slots is not None:
            name = fields.choice(item, path, domain.slots, "slot")
        if name in domain.spoken_slots:
            hint = "only a slot that nothing but an action sets may be trusted"
            fields.wrong(item, path, f"the slot `{name}` is filled from what people say", hint)
        if name:
            names.add(name)
    return frozenset(names)


def _list(fields: Fields, entries: dict[str, Node], name: str) -> tuple[str, ...]:
    node = entries.get(name)
    if node is None:
        return ()
    read = [fields.text(item, path) for item, path in fields.items(node, name)]
    return tuple(dict.fromkeys(word for word in read if word))


def _runner_up(fields: Fields, entries: dict[str, Node], domain: Domain) -> RunnerUp:
    node = entries.get("runner_up")
    keys = (
        fields.mapping(node, "runner_up", ("margin", "say", "except"), ("margin", "say"))
        if node is not None
        else {}
    )
    margin = fields.fraction(keys["margin"], "runner_up.margin") if "margin" in keys else None
    say = (
        fields.choice(keys["say"], "runner_up.say", domain.responses, "response")
        if "say" in keys
        else None
    )
    continues = (
        fields.names(keys["except"], "runner_up.except", domain.intents, "intent")
        if "except" in keys
        else None
    )
    # Without a readable margin every runner-up counts; the load fails anyway.
    return RunnerUp(1.0 if margin is None else margin, say or "", frozenset(continues or ()))


def _intents(
    fields: Fields, node: Node, domain: Domain, retention: Mapping[str, int]
) -> dict[str, IntentInfo]:
    entries = fields.mapping(node, "", ("version", "owner", "intents"), ("version", "intents"))
    fields.version(entries)
    listed = entries.get("intents")
    if listed is None:
        return {}
    described: dict[str, IntentInfo] = {}
    if not isinstance(listed, MappingNode):
        fields.mapping(listed, "intents", None)
        return {}
    for key, below in listed.entries:
        path = join("intents", key.text)
        if key.text not in domain.intents:
            hint = did_you_mean(key.text, domain.intents)
            fields.wrong(key, path, f"the domain has no intent `{key.text}`", hint)
        described[key.text] = _intent(fields, key, below, path, retention)
    for name in sorted(domain.intents - described.keys()):
        hint = "add it with about, groups and protection"
        if name in BUILT_IN_INTENTS:
            hint += "; the framework adds this intent by itself"
        fields.wrong(listed, "intents", f"the intent `{name}` of the domain is missing", hint)
    return described


def _intent(
    fields: Fields, key: Scalar, node: Node, path: str, retention: Mapping[str, int]
) -> IntentInfo:
    keys = fields.mapping(node, path, _INTENT_KEYS, ("about", "groups", "protection"))
    about = "about" in keys and fields.choice(
        keys["about"], join(path, "about"), SUBJECTS, "subject"
    )
    protection = "protection" in keys and fields.choice(
        keys["protection"], join(path, "protection"), PROTECTION, "protection"
    )
    kept = keys.get("retention") and _kept(
        fields, keys["retention"], join(path, "retention"), retention
    )
    return IntentInfo(
        name=key.text,
        where=key.where,
        about=about or "anyone",
        groups=_new_names(fields, keys.get("groups"), join(path, "groups")),
        protection=protection or PROTECTION[-1],
        values=frozenset(_new_names(fields, keys.get("values"), join(path, "values"))),
        attributes=_attributes(fields, keys.get("attributes"), join(path, "attributes")),
        retention=kept or None,
    )


def _kept(fields: Fields, node: Node, path: str, known: Mapping[str, int]) -> str | None:
    if not known:
        hint = f"list it as `retention: {{name: 8h}}` in {FILE} first"
        fields.wrong(node, path, "the vocabulary has no retention classes", hint)
        return None
    return fields.choice(node, path, known, "retention class")


def _new_names(fields: Fields, node: Node | None, path: str) -> tuple[str, ...]:
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        name = fields.name(node, path)
        return (name,) if name else ()
    names = [fields.name(item, below) for item, below in fields.items(node, path)]
    return tuple(dict.fromkeys(name for name in names if name))


def _attributes(fields: Fields, node: Node | None, path: str) -> Mapping[str, str]:
    if node is None:
        return MappingProxyType({})
    found = {
        name: fields.choice(below, join(path, name), ATTRIBUTE_TYPES, "type")
        for name, below in fields.mapping(node, path, None).items()
    }
    return MappingProxyType({name: kind for name, kind in found.items() if kind})
