"""The changes of a comparison put together for reading.

Exactness needs more cases than a person wants to read: the decision on the intent and the one with
the record, without a code and with one, and every other meaning a message may have. What says the
same is shown once; nothing that widens is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gatehouse.policy.diff.describe import both_words, example, when, who
from gatehouse.policy.diff.dimensions import ASSURANCE
from gatehouse.policy.diff.result import Change, Comparison
from gatehouse.policy.diff.strictness import Direction

_ORDER: tuple[Direction, ...] = ("widens", "mixed", "narrows", "words")


@dataclass(frozen=True, slots=True)
class Row:
    """One change to read, of one or several intents; `also` says where else it is the same."""

    direction: Direction
    intents: tuple[str, ...]
    who: str
    when: tuple[str, ...]
    before: str
    after: str
    example: str
    also: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """Messages that may as well mean `runner_up` and for that reason get more or less."""

    direction: Direction
    runner_up: str
    intents: tuple[str, ...]
    example: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Retained:
    """Requests that are kept longer or shorter, in seconds; None: as everything else."""

    direction: Direction
    intents: tuple[str, ...]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What to read of a comparison: changed answers, changed words, messages with two meanings,
    changed retention."""

    rows: tuple[Row, ...]
    words: tuple[Row, ...]
    near: tuple[Near, ...]
    retained: tuple[Retained, ...]


def summary(comparison: Comparison) -> Summary:
    """The changes of `comparison`, what widens first."""
    clear = [change for change in comparison.changes if not change.runner_up]
    rows = _together([_row(change, also) for change, also in _once(clear)])
    rows.sort(key=lambda row: _ORDER.index(row.direction))
    return Summary(
        rows=tuple(row for row in rows if row.direction != "words"),
        words=tuple(row for row in rows if row.direction == "words"),
        near=tuple(_near(comparison, {(one.intent, one.direction) for one in clear})),
        retained=tuple(_retained(comparison)),
    )


def _once(changes: list[Change]) -> list[tuple[Change, str]]:
    """The changes without those that only say the same with a code or with the record."""
    first: dict[object, Change] = {}
    for change in sorted(changes, key=lambda one: min(one.classes.get(ASSURANCE, {-1}))):
        first.setdefault((*_key(change, {ASSURANCE}), change.stage), change)
    kept = [change for change in changes if any(change is one for one in first.values())]
    asked = {
        (*_key(change, {ASSURANCE, "subject"}), change.before, change.after)
        for change in kept
        if change.stage == "intent"
    }
    found: list[tuple[Change, str]] = []
    with_record = set()
    for change in kept:
        key = (*_key(change, {ASSURANCE, "subject"}), change.before, change.after)
        if change.stage == "resource" and key in asked:
            with_record.add(key)
            continue
        found.append((change, ""))
    return [
        (one, "also with the record")
        if (*_key(one, {ASSURANCE, "subject"}), one.before, one.after) in with_record
        else (one, also)
        for one, also in found
    ]


def _key(change: Change, without: set[str]) -> tuple[object, ...]:
    """What two changes that are to be shown as one have in common."""
    values = frozenset(
        (name, numbers if name not in change.space.dimensions else _values(change, name))
        for name, numbers in change.classes.items()
        if name not in without
    )
    return change.intent, change.direction, values


def _values(change: Change, name: str) -> frozenset[object]:
    values = change.space.dimensions[name].values
    return frozenset(values[number] for number in change.classes[name])


def _row(change: Change, also: str) -> Row:
    only = ["decided with the record at hand"] if change.stage == "resource" else []
    before, after = both_words(change.before, change.after)
    return Row(
        change.direction,
        (change.intent,),
        who(change),
        (*when(change), *only),
        before,
        after,
        example(change),
        also,
    )


def _together(rows: list[Row]) -> list[Row]:
    """The rows, those that differ in nothing but the intent put together."""
    found: dict[Row, Row] = {}
    for row in rows:
        alike = replace(row, intents=(), example="")
        first = found.setdefault(alike, row)
        if first is not row:
            found[alike] = replace(first, intents=(*first.intents, *row.intents))
    return list(found.values())


def _near(comparison: Comparison, known: set[tuple[str, Direction]]) -> list[Near]:
    groups: dict[tuple[Direction, str], list[Change]] = {}
    for change in comparison.changes:
        own = (change.intent, change.direction) in known
        if change.runner_up and change.direction != "words" and not own:
            groups.setdefault((change.direction, change.runner_up), []).append(change)
    return [
        Near(
            direction,
            runner_up,
            tuple(dict.fromkeys(change.intent for change in changes)),
            example(changes[0]),
            *both_words(changes[0].before, changes[0].after),
        )
        for (direction, runner_up), changes in sorted(
            groups.items(), key=lambda item: (_ORDER.index(item[0][0]), item[0][1])
        )
    ]


def _retained(comparison: Comparison) -> list[Retained]:
    groups: dict[tuple[Direction, int | None, int | None], list[str]] = {}
    for kept in comparison.retention:
        groups.setdefault((kept.direction, kept.before, kept.after), []).append(kept.intent)
    return [
        Retained(direction, tuple(intents), before, after)
        for (direction, before, after), intents in groups.items()
    ]
