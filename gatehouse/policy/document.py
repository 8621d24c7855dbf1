"""Reads YAML as a small, plain subset and keeps the position of every word.

Policies are text that people sign, so nothing in them may mean something else than it shows: no
anchors, aliases, merge keys, tags, several documents, duplicate keys, bare `no`/`on`, or invisible
characters. This module must never build an object from YAML and never let an exception of the
parser escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from ruamel.yaml.cyaml import CParser
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gatehouse.policy.errors import Position, Problems
from gatehouse.policy.yaml_mistakes import mistake

MAX_DEPTH = 10
MAX_NODES = 400_000
MAX_SCALAR = 2_000
AMBIGUOUS = frozenset({"yes", "no", "on", "off", "y", "n"})
# Direction overrides and zero-width characters: a reader sees another text than the parser.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word or number as it is written; `plain` when it has no quotes."""

    where: Position
    text: str
    plain: bool

    @property
    def empty(self) -> bool:
        """Nothing is written here (or `null`)."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    where: Position
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values, in the order of the file; every key occurs once."""

    where: Position
    entries: tuple[tuple[Scalar, Node], ...]


Node = Scalar | Sequence | Mapping


class _Unreadable(Exception):
    """Stops the reading of one file after its problem was reported."""


def parse(file: str, data: bytes, problems: Problems) -> Node | None:
    """The content of a file, or None after its problems were reported.

    `file` is the name shown in problems, `data` its bytes (UTF-8).
    """
    text = _decode(file, data, problems)
    if text is None:
        return None
    try:
        return _Builder(file, text, problems).document()
    except _Unreadable:
        return None


def _decode(file: str, data: bytes, problems: Problems) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        where = Position(file, before.count(b"\n") + 1, column)
        problems.add(where, "", "this is not UTF-8 text", "save the file with the encoding UTF-8")
        return None
    found = _UNSEEN.search(text)
    if found is not None:
        above = text[: found.start()]
        column = found.start() - (above.rfind("\n") + 1) + 1
        problems.add(
            Position(file, above.count("\n") + 1, column),
            "",
            f"invisible character U+{ord(found[0]):04X}",
            "delete it and type the line again",
        )
        return None
    return text


class _Builder:
    """Builds nodes from parser events; its depth is bounded, so recursion is safe."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._nodes = 0
        self._ambiguous: set[Position] = set()
        self._events = self._read(text)

    def document(self) -> Node | None:
        next(self._events)
        first = next(self._events)
        if isinstance(first, StreamEndEvent):
            self._problems.add(Position(self._file, 1, 1), "", "the file is empty")
            return None
        node = self._node(next(self._events), "", 1)
        next(self._events)
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            self._stop(after, "", "a second document starts here", "remove the line `---`")
        return node

    def _read(self, text: str) -> Iterator[Any]:
        try:
            parser = CParser(text)
            while True:
                event = parser.get_event()
                yield event
                if isinstance(event, StreamEndEvent):
                    return
        except MarkedYAMLError as error:
            line, column, message, hint = mistake(error, text)
            self._problems.add(Position(self._file, line, column), "", message, hint)
        except Exception as error:  # noqa: BLE001 - no parser error may stop the reading of the other files
            where = Position(self._file, 1, 1)
            self._problems.add(where, "", f"this is not YAML ({type(error).__name__})")
        raise _Unreadable

    def _node(self, event: Any, path: str, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(event, path, f"more than {MAX_NODES} values in one file", "split the file")
        if isinstance(event, AliasEvent):
            self._alias(event, path)
            return Scalar(self._at(event), "", False)
        self._plain_only(event, path)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if depth > MAX_DEPTH:
            self._stop(event, path, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, path, depth)
        return self._mapping(event, path, depth)

    def _scalar(self, event: Any, path: str) -> Scalar:
        where, text, plain = self._at(event), str(event.value), event.style in (None, "")
        if len(text) > MAX_SCALAR:
            self._problems.add(where, path, f"longer than {MAX_SCALAR} characters")
            return Scalar(where, text[:MAX_SCALAR], plain)
        if plain and text.lower() in AMBIGUOUS:
            self._problems.add(
                where,
                path,
                f"bare `{text}` can be read as a truth value",
                f'write true or false, or "{text}" in quotes if the word is meant',
            )
            self._problems.settle(where)
            self._ambiguous.add(where)
            return Scalar(where, text, False)
        return Scalar(where, text, plain)

    def _sequence(self, start: Any, path: str, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            node = self._node(event, f"{path}[{len(items)}]", depth + 1)
            if not isinstance(event, AliasEvent):
                items.append(node)
        return Sequence(self._at(start), tuple(items))

    def _mapping(self, start: Any, path: str, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, path, depth)
            below = f"{path}.{key.text}" if path else key.text
            event = next(self._events)
            value = self._node(event, below, depth + 1)
            if isinstance(event, AliasEvent) or not self._usable(key, path):
                continue
            if key.text in entries:
                first = entries[key.text][0].where.line
                message = f"`{key.text}` is here twice, first on line {first}"
                self._problems.add(key.where, below, message)
            else:
                entries[key.text] = (key, value)
        return Mapping(self._at(start), tuple(entries.values()))

    def _key(self, event: Any, path: str, depth: int) -> Scalar:
        if not isinstance(event, ScalarEvent):
            self._stop(event, path, "a key must be a word")
        key = self._node(event, path, depth)
        assert isinstance(key, Scalar)
        return key

    def _usable(self, key: Scalar, path: str) -> bool:
        """Whether a key was written as it is meant; otherwise its problem was reported."""
        if key.plain and key.text == "<<":
            self._problems.add(key.where, path, "merge keys (`<<`) are not allowed", "write it out")
            return False
        return key.where not in self._ambiguous

    def _alias(self, event: Any, path: str) -> None:
        self._problems.add(
            self._at(event), path, f"references (`*{event.anchor}`) are not allowed", "write it out"
        )

    def _plain_only(self, event: Any, path: str) -> None:
        if event.anchor is not None:
            self._problems.add(
                self._at(event),
                path,
                f"anchors (`&{event.anchor}`) are not allowed",
                "write it out",
            )
        # A quoted scalar reports the tag `!` in some versions of the parser: it has no meaning.
        if event.tag not in (None, "!"):
            self._problems.add(
                self._at(event), path, f"tags (`{event.tag}`) are not allowed", "remove the tag"
            )

    def _stop(self, event: Any, path: str, message: str, hint: str = "") -> None:
        self._problems.add(self._at(event), path, message, hint)
        raise _Unreadable

    def _at(self, event: Any) -> Position:
        return Position(self._file, event.start_mark.line + 1, event.start_mark.column + 1)


def is_scalar(node: Node | None) -> TypeGuard[Scalar]:
    """Whether `node` is a word or number that is really there."""
    return isinstance(node, Scalar) and not node.empty
