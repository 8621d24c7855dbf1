"""The clauses of `when` about the record, about slots, and about numbers with limits.

Attributes of the record come from a guarded action, so at the intent stage they are `PENDING`; only
attributes that `intents.yml` promises for every intent of the rule may be used. A value of another
type than promised is no fact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from gatehouse.policy.cuts import Between, OneOf
from gatehouse.policy.document import Mapping, Node, Sequence, is_scalar
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import IntentInfo, Request, Value
from gatehouse.policy.verdicts import MISSING, NO, PENDING, YES, Clause
from gatehouse.policy.vocabulary import FILE, Vocabulary

Read = Callable[[Fields, Node, str], "float | int | None"]
AMOUNTS: dict[str, tuple[str, str, Read]] = {
    "aal": ("the assurance level is", "", Fields.whole),
    "aal_age": ("the code was given", "seconds ago", Fields.duration),
    "session_age": ("the session is", "seconds old", Fields.duration),
    "confidence": ("the confidence is", "", Fields.fraction),
    "margin": ("the lead over the next meaning is", "", Fields.fraction),
    "refusals": ("there were", "refusals in this conversation", Fields.whole),
    "failed_codes": ("there were", "wrong codes in this conversation", Fields.whole),
}


_TYPES: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "truth": (bool,)}


def limits(fields: Fields, node: Node, path: str, key: str) -> Clause | None:
    """The clause of a number with `min` and `max`; `key` is one of `AMOUNTS`."""
    start, end, read = AMOUNTS[key]
    bounds = _bounds(fields, node, path, read)
    if bounds is None:
        return None
    low, high = bounds

    def test(request: Request, subject: str | None) -> int:
        value = getattr(request, key)
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            return MISSING
        return YES if low <= value <= high else NO

    words = " ".join(filter(None, (start, _range(low, high), end)))
    return Clause(key, words, test, Between(low, high))


def record(
    fields: Fields, node: Node, path: str, intents: tuple[IntentInfo, ...]
) -> list[Clause | None]:
    """The clauses of `resource`; every attribute must be promised for all `intents`."""
    return [
        _attribute(fields, below, join(path, name), name, intents)
        for name, below in fields.mapping(node, path, None).items()
    ]


def _attribute(
    fields: Fields, node: Node, path: str, name: str, intents: tuple[IntentInfo, ...]
) -> Clause | None:
    kinds = {info.attributes.get(name) for info in intents}
    if kinds in (set(), {None}):
        hint = "an action has to supply it: add it to `attributes` of these intents in intents.yml"
        fields.wrong(node, path, f"no intent of this rule has the attribute `{name}`", hint)
        return None
    if len(kinds) > 1:
        lacking = sorted(info.name for info in intents if name not in info.attributes)
        hint = f"not with {', '.join(lacking)}" if lacking else "the types differ"
        message = f"`{name}` is not an attribute of every intent of this rule"
        fields.wrong(node, path, message, hint)
        return None
    kind = kinds.pop() or ""
    if kind == "number" and not is_scalar(node) and not isinstance(node, Sequence):
        bounds = _bounds(fields, node, path, Fields.number)
        return None if bounds is None else _amount(name, *bounds)
    values = _values(fields, node, path, kind)
    return None if values is None else _equals(name, values, kind)


def _amount(name: str, low: float, high: float) -> Clause:
    def test(request: Request, subject: str | None) -> int:
        if request.stage == "intent":
            return PENDING
        value = request.resource.get(name)
        if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
            return MISSING
        return YES if low <= value <= high else NO  # type: ignore[operator]

    words = f"{name} is {_range(low, high)}"
    return Clause(f"resource.{name}", words, test, Between(low, high))


def _equals(name: str, values: Collection[Value], kind: str) -> Clause:
    allowed = frozenset(values)
    types = _TYPES[kind]

    def test(request: Request, subject: str | None) -> int:
        if request.stage == "intent":
            return PENDING
        value = request.resource.get(name)
        if type(value) not in types or (type(value) is float and math.isnan(value)):
            return MISSING
        return YES if value in allowed else NO

    words = either([str(value) for value in values])
    return Clause(f"resource.{name}", f"{name} is {words}", test, OneOf(allowed))


def slots(
    fields: Fields, node: Node, path: str, vocabulary: Vocabulary, effect: str
) -> list[Clause | None]:
    """The clauses of `slots`. Most slots hold what a person said, so they may only restrict."""
    entries = fields.mapping(node, path, vocabulary.domain.slots, noun="slot")
    if effect == "allow":
        for name in entries.keys() - vocabulary.trusted_slots:
            message = f"the slot `{name}` is filled by whoever chats, so it cannot allow anything"
            hint = f"use it to deny or step_up, or list it as `trusted_slots` in {FILE}"
            fields.wrong(entries[name], join(path, name), message, hint)
    return [_slot(fields, below, join(path, name), name) for name, below in entries.items()]


def _slot(fields: Fields, node: Node, path: str, name: str) -> Clause | None:
    values = _values(fields, node, path, "text")
    if values is None:
        return None
    allowed = frozenset(values)

    def test(request: Request, subject: str | None) -> int:
        value = request.slots.get(name)
        if not isinstance(value, str):
            return MISSING
        return YES if value in allowed else NO

    words = f"{name} is {either([str(v) for v in values])}"
    return Clause(f"slots.{name}", words, test, OneOf(allowed))


def _values(fields: Fields, node: Node, path: str, kind: str) -> list[Value] | None:
    nodes = [(node, path)] if is_scalar(node) else fields.items(node, path)
    read = [fields.value(item, below, kind) for item, below in nodes]
    values = [value for value in read if value is not None]
    return values if values and len(values) == len(read) else None


def _bounds(fields: Fields, node: Node, path: str, read: Read) -> tuple[float, float] | None:
    if is_scalar(node):
        least = node.text if node.text.isdigit() else "…"
        hint = f"write {{min: {least}}}, {{max: {least}}} or both"
        fields.wrong(node, path, "a limit is expected here", hint)
        return None
    entries = fields.mapping(node, path, ("min", "max"))
    low = read(fields, entries["min"], join(path, "min")) if "min" in entries else -math.inf
    high = read(fields, entries["max"], join(path, "max")) if "max" in entries else math.inf
    if isinstance(node, Mapping) and not node.entries:
        fields.wrong(node, path, "a limit is missing", "write {min: …}, {max: …} or both")
    if not entries or low is None or high is None:
        return None
    if low > high:
        fields.wrong(
            node, path, f"min {_digits(low)} is more than max {_digits(high)}", "exchange them"
        )
        return None
    return low, high


def _range(low: float, high: float) -> str:
    if low == -math.inf:
        return f"at most {_digits(high)}"
    least = f"at least {_digits(low)}"
    return least if high == math.inf else f"{least} and at most {_digits(high)}"


def _digits(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def either(names: Collection[str]) -> str:
    """The names in a sentence: `a, b or c`."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
