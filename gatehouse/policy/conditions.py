"""The clauses of `when`: each one becomes a closure that answers yes, no, missing or pending.

A clause reads one fact of the request. When the fact is absent, of the wrong type or not a word of
the vocabulary, the answer is `MISSING`; the rule decides what that means (see `rules.py`). When
only the guarded action can know the fact and this is the intent stage, the answer is `PENDING`. A
closure must never raise on a value of a wrong type and never answer yes without the fact.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.policy.cuts import Includes, OneOf
from gatehouse.policy.document import Mapping, Node
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import SUBJECTS, IntentInfo, Request
from gatehouse.policy.records import AMOUNTS, either, limits, record, slots
from gatehouse.policy.times import time_clauses
from gatehouse.policy.verdicts import MISSING, NO, YES, Clause
from gatehouse.policy.vocabulary import Vocabulary

_LISTED = {
    "department": "departments",
    "employment_type": "employment_types",
    "channel": "channels",
    "network_zone": "network_zones",
}
KEYS = (
    "subject",
    *_LISTED,
    "hours",
    "weekdays",
    "resource",
    "aal",
    "aal_age",
    "session_age",
    "confidence",
    "margin",
    "refusals",
    "failed_codes",
    "served",
    "not_served",
    "slots",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a `when` is read with: the vocabulary, and the intents and effect of its rule."""

    vocabulary: Vocabulary
    intents: tuple[IntentInfo, ...]
    effect: str


def read_when(fields: Fields, node: Node, path: str, scope: Scope) -> tuple[Clause, ...]:
    """The clauses of one `when`; all must hold. Mistakes are reported to `fields`."""
    entries = fields.mapping(node, path, KEYS)
    if isinstance(node, Mapping) and not node.entries:
        fields.wrong(node, path, "`when` has no condition", "leave `when` out if there is none")
    clauses: list[Clause | None] = []
    for key, below in entries.items():
        place = join(path, key)
        if key == "subject":
            clauses.append(_subject(fields, below, place))
        elif key in _LISTED:
            clauses.append(_listed(fields, below, place, key, scope.vocabulary))
        elif key in ("served", "not_served"):
            clauses.append(_served(fields, below, place, key, scope.vocabulary))
        elif key in AMOUNTS:
            clauses.append(limits(fields, below, place, key))
        elif key == "resource":
            clauses.extend(record(fields, below, place, scope.intents))
        elif key == "slots":
            clauses.extend(slots(fields, below, place, scope.vocabulary, scope.effect))
    clauses.extend(time_clauses(fields, entries, path, scope.vocabulary.zone))
    return tuple(clause for clause in clauses if clause is not None)


def _subject(fields: Fields, node: Node, path: str) -> Clause | None:
    names = fields.names(node, path, SUBJECTS, "subject")
    if names is None:
        return None
    allowed = frozenset(names)

    def test(request: Request, subject: str | None) -> int:
        if subject not in SUBJECTS:
            return MISSING
        return YES if subject in allowed else NO

    return Clause("subject", f"it is about {either(names)}", test, OneOf(allowed))


def _listed(
    fields: Fields, node: Node, path: str, key: str, vocabulary: Vocabulary
) -> Clause | None:
    known = vocabulary.lists[_LISTED[key]]
    if not known:
        hint = f"list them as `{_LISTED[key]}:` in vocabulary.yml first"
        fields.wrong(node, path, f"the vocabulary has no {_LISTED[key]}", hint)
        return None
    names = fields.names(node, path, known, key.replace("_", " "))
    if names is None:
        return None
    allowed = frozenset(names)

    def fact(request: Request) -> str | None:
        if key in ("channel", "network_zone"):
            return request.channel if key == "channel" else request.network_zone
        person = request.principal
        return person.department if key == "department" else person.employment_type

    def test(request: Request, subject: str | None) -> int:
        value = fact(request)
        if not isinstance(value, str) or value not in known:
            return MISSING
        return YES if value in allowed else NO

    words = f"the {key.replace('_', ' ')} is {either(names)}"
    return Clause(key, words, test, OneOf(allowed))


def _served(
    fields: Fields, node: Node, path: str, key: str, vocabulary: Vocabulary
) -> Clause | None:
    names = fields.names(node, path, vocabulary.domain.intents, "intent")
    if names is None:
        return None
    wanted = frozenset(names)
    hit, miss = (YES, NO) if key == "served" else (NO, YES)

    def test(request: Request, subject: str | None) -> int:
        if not isinstance(request.served, frozenset):
            return MISSING
        return miss if wanted.isdisjoint(request.served) else hit

    negation = "" if key == "served" else "not "
    words = f"{either(names)} was {negation}served before"
    return Clause("served", words, test, Includes(wanted))
