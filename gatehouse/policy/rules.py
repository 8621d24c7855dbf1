"""Reads a rule and compiles it.

A rule names intents, says what happens and why, and under which conditions. Whatever makes a rule
unclear is a mistake: a rule must never be skipped or read in a wider sense than it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gatehouse.policy.conditions import Scope, read_when
from gatehouse.policy.document import Node, is_scalar
from gatehouse.policy.errors import Position, Problems
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import LEVELS, StepUpTerms
from gatehouse.policy.times import validity
from gatehouse.policy.verdicts import Clause
from gatehouse.policy.vocabulary import Vocabulary

KEYS = (
    "id",
    "why",
    "effect",
    "intents",
    "groups",
    "roles",
    "except_roles",
    "when",
    "step_up",
    "say",
    "valid_from",
    "valid_until",
)
EFFECTS = ("allow", "deny", "step_up")
RESERVED = frozenset({"default", "error", "unknown-intent"})
EVERY_REQUEST = "every_request"


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `roles` None means everybody; `sweeping` that it names `intents: all`."""

    id: str
    why: str
    effect: str
    intents: frozenset[str]
    roles: frozenset[str] | None
    except_roles: frozenset[str]
    clauses: tuple[Clause, ...]
    step_up: StepUpTerms | None
    say: str
    where: Position
    owner: str = ""
    sweeping: bool = False
    valid_until: date | None = None

    def concerns(self, roles: frozenset[str]) -> bool:
        """Whether the rule is about somebody with these roles."""
        if self.roles is not None and self.roles.isdisjoint(roles):
            return False
        return self.except_roles.isdisjoint(roles)

    @property
    def rank(self) -> tuple[int, str]:
        """Orders rules that say the same: the most specific first, then by id."""
        return len(self.intents), self.id


def read_rules(node: Node, vocabulary: Vocabulary, problems: Problems) -> list[Rule]:
    """The rules of one file; mistakes go to `problems`."""
    fields = Fields(problems)
    entries = fields.mapping(node, "", ("version", "owner", "rules"), ("version", "owner", "rules"))
    fields.version(entries)
    owner = (entries.get("owner") and fields.text(entries["owner"], "owner")) or ""
    if "rules" not in entries:
        return []
    rules = [
        _rule(fields, item, path, vocabulary, owner)
        for item, path in fields.items(entries["rules"], "rules")
    ]
    return [rule for rule in rules if rule is not None]


def _rule(fields: Fields, node: Node, path: str, vocabulary: Vocabulary, owner: str) -> Rule | None:
    entries = fields.mapping(node, path, KEYS, ("id", "why", "effect"))
    if not entries:
        return None
    identity = _id(fields, entries, path)
    why = entries.get("why") and fields.text(entries["why"], join(path, "why"), words=True)
    effect = entries.get("effect") and fields.choice(
        entries["effect"], join(path, "effect"), EFFECTS, "effect"
    )
    intents, sweeping = _intents(fields, node, entries, path, vocabulary, effect or "")
    roles, excepted = _roles(fields, node, entries, path, vocabulary, effect or "")
    ends, last = validity(fields, entries, path, vocabulary.zone)
    named = tuple(vocabulary.intents[name] for name in sorted(intents))
    scope = Scope(vocabulary, named, effect or "")
    clauses = (
        read_when(fields, entries["when"], join(path, "when"), scope) if "when" in entries else ()
    )
    return Rule(
        id=identity or "",
        why=why or "",
        effect=effect or "deny",
        intents=intents,
        roles=roles,
        except_roles=excepted,
        clauses=(*((ends,) if ends else ()), *clauses),
        step_up=_step_up(fields, node, entries, path, scope, effect or ""),
        say=_say(fields, entries, path, vocabulary, effect or ""),
        where=node.where,
        owner=owner,
        sweeping=sweeping,
        valid_until=last,
    )


def _id(fields: Fields, entries: Mapping[str, Node], path: str) -> str | None:
    node = entries.get("id")
    if node is None:
        return None
    identity = fields.name(node, join(path, "id"))
    if identity in RESERVED:
        fields.wrong(node, join(path, "id"), f"`{identity}` is reserved", "choose another id")
    return identity


def _intents(
    fields: Fields,
    node: Node,
    entries: Mapping[str, Node],
    path: str,
    vocabulary: Vocabulary,
    effect: str,
) -> tuple[frozenset[str], bool]:
    listed, groups = entries.get("intents"), entries.get("groups")
    if listed is None and groups is None:
        fields.wrong(node, path, "the rule names no intents", "add `intents:` or `groups:`")
        return frozenset(), False
    found: set[str] = set()
    sweeping = is_scalar(listed) and listed.text == "all"
    if sweeping and listed is not None:
        if effect == "allow":
            hint = "name the intents or groups; only deny and step_up may say `all`"
            fields.wrong(listed, join(path, "intents"), "an allow rule may not say `all`", hint)
        found |= vocabulary.intents.keys()
    elif listed is not None:
        known = vocabulary.intents.keys()
        found.update(fields.names(listed, join(path, "intents"), known, "intent") or ())
    if groups is not None:
        names = fields.names(groups, join(path, "groups"), vocabulary.groups.keys(), "group")
        found.update(*(vocabulary.groups[name] for name in names or ()))
    return frozenset(found), sweeping


def _roles(
    fields: Fields,
    node: Node,
    entries: Mapping[str, Node],
    path: str,
    vocabulary: Vocabulary,
    effect: str,
) -> tuple[frozenset[str] | None, frozenset[str]]:
    everybody = frozenset(vocabulary.roles) if effect == "allow" else None
    listed, excepted = entries.get("roles"), entries.get("except_roles")
    if listed is not None and excepted is not None:
        fields.wrong(excepted, join(path, "except_roles"), "`roles` is here too", "use one of them")
    if excepted is not None:
        if effect == "allow":
            hint = "list the roles that may; a new role must not get it by itself"
            fields.wrong(excepted, join(path, "except_roles"), "only for deny and step_up", hint)
        place = join(path, "except_roles")
        return everybody, frozenset(fields.names(excepted, place, vocabulary.roles, "role") or ())
    if listed is None:
        if effect == "allow":
            hint = "add `roles: [employee]`, or `roles: any` for everybody who is signed in"
            fields.wrong(node, path, "an allow rule must say who may", hint)
        return everybody, frozenset()
    if is_scalar(listed) and listed.text == "any":
        return everybody, frozenset()
    names = fields.names(listed, join(path, "roles"), vocabulary.roles.keys(), "role")
    return frozenset(names or ()), frozenset()


def _say(
    fields: Fields, entries: Mapping[str, Node], path: str, vocabulary: Vocabulary, effect: str
) -> str:
    node = entries.get("say")
    if node is None:
        return vocabulary.refusal
    if effect not in ("deny", ""):  # without an effect that mistake is enough
        fields.wrong(node, join(path, "say"), "only a rule that denies says something")
    known = vocabulary.domain.responses
    hint = f"the name of a text in domain.yml is meant, such as `{vocabulary.refusal}`"
    return fields.choice(node, join(path, "say"), known, "response", hint) or vocabulary.refusal


def _step_up(
    fields: Fields,
    node: Node,
    entries: Mapping[str, Node],
    path: str,
    scope: Scope,
    effect: str,
) -> StepUpTerms | None:
    below = entries.get("step_up")
    path_below = join(path, "step_up")
    if below is None:
        if effect == "step_up":
            hint = "add `step_up: {level: aal2, max_age: 5m}`"
            fields.wrong(node, path, "the effect step_up needs its terms", hint)
        return None
    if effect == "deny":
        fields.wrong(below, path_below, "a rule that denies cannot ask for a code")
    keys = ("level", "max_age", "bind", "ask")
    found = fields.mapping(below, path_below, keys, ("level", "max_age"))
    level = "level" in found and fields.choice(
        found["level"], join(path_below, "level"), LEVELS, "level"
    )
    ask = "ask" in found and fields.choice(
        found["ask"], join(path_below, "ask"), ("at_once", "at_confirmation"), "time to ask"
    )
    return StepUpTerms(
        level=level or LEVELS[-1],
        max_age=_max_age(fields, found, join(path_below, "max_age")),
        bind=_bind(fields, found, join(path_below, "bind"), scope),
        ask="at_confirmation" if ask == "at_confirmation" else "at_once",
    )


def _max_age(fields: Fields, found: Mapping[str, Node], path: str) -> int:
    node = found.get("max_age")
    if node is None or (is_scalar(node) and node.text == EVERY_REQUEST):
        return 0
    return fields.duration(node, path) or 0


def _bind(fields: Fields, found: Mapping[str, Node], path: str, scope: Scope) -> tuple[str, ...]:
    node = found.get("bind")
    if node is None or not scope.intents:
        return ()
    known = frozenset[str].intersection(*(info.values for info in scope.intents))
    if not known:
        hint = "list them as `values` of these intents in intents.yml"
        fields.wrong(node, path, "the intents of this rule have no common value to bind", hint)
        return ()
    return tuple(sorted(fields.names(node, path, known, "value") or ()))
