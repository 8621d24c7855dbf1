"""Reads typed values out of a parsed document and reports what does not fit.

Each reader returns the value, or None after the problem was reported; the caller goes on, so that
all mistakes of a directory are found in one go. No reader may guess: a value that is not exactly
what is asked for is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date

from gatehouse.policy.document import Mapping, Node, Scalar, Sequence, is_scalar
from gatehouse.policy.errors import Problems, did_you_mean
from gatehouse.policy.model import Value

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_NUMBER = 10**15
LONGEST_SHOWN = 60


class Fields:
    """The readers; all report to the same `problems`."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def wrong(self, node: Node, path: str, message: str, hint: str = "") -> None:
        """Report that the value at `path` does not fit."""
        self.problems.add(node.where, path, message, hint)

    def mapping(
        self,
        node: Node,
        path: str,
        known: Collection[str] | None,
        required: Iterable[str] = (),
        *,
        noun: str = "key",
    ) -> dict[str, Node]:
        """The entries of a mapping with only `known` keys (None: any name) and all `required`."""
        if not isinstance(node, Mapping):
            self.wrong(node, path, "keys with values are expected here (`key: value`)")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.entries:
            below = join(path, key.text)
            if known is not None and key.text not in known:
                hint = did_you_mean(key.text, known, noun=f"{noun}s")
                self.problems.add(key.where, below, f"unknown {noun} `{key.text}`", hint)
            elif known is None and not _NAME.fullmatch(key.text):
                self.problems.add(
                    key.where, below, f"`{key.text}` is not a name", "use a-z, 0-9, _ and -"
                )
            elif isinstance(value, Scalar) and value.empty:
                self.problems.add(key.where, below, f"`{key.text}` has no value")
            else:
                found[key.text] = value
        present = {key.text for key, _ in node.entries}
        for name in required:
            if name not in present:
                self.problems.add(node.where, path, f"the key `{name}` is missing")
        return found

    def items(self, node: Node, path: str) -> list[tuple[Node, str]]:
        """The elements of a list with their paths; a list without elements is a mistake."""
        if not isinstance(node, Sequence):
            self.wrong(node, path, "a list is expected here", "start each element with `- `")
            return []
        if not node.items:
            self.wrong(node, path, "the list is empty")
        return [(item, f"{path}[{index}]") for index, item in enumerate(node.items)]

    def text(self, node: Node, path: str, *, words: bool = False) -> str | None:
        """A text; with `words` it must say something (three characters and more)."""
        if not is_scalar(node):
            self.wrong(node, path, "a text is expected here")
            return None
        if words and len(node.text.strip()) < 3:
            self.wrong(node, path, "say it in words")
            return None
        return node.text

    def name(self, node: Node, path: str) -> str | None:
        """A new name: lower case, digits, `-` and `_`."""
        text = self.text(node, path)
        if text is not None and not _NAME.fullmatch(text):
            self.wrong(node, path, f"`{text}` is not a name", "use a-z, 0-9, _ and -")
            return None
        return text

    def choice(
        self, node: Node, path: str, known: Collection[str], noun: str, hint: str = ""
    ) -> str | None:
        """One of `known`; `hint` is for a word that is like none of them."""
        text = self.text(node, path)
        if text is not None and text not in known:
            shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
            self.wrong(node, path, f"unknown {noun} `{shown}`", did_you_mean(text, known) or hint)
            return None
        return text

    def names(
        self, node: Node, path: str, known: Collection[str], noun: str
    ) -> tuple[str, ...] | None:
        """One of `known` or a list of several, without repetition; None when any is wrong."""
        if isinstance(node, Scalar):
            one = self.choice(node, path, known, noun)
            return None if one is None else (one,)
        found: list[str | None] = []
        for item, below in self.items(node, path):
            name = self.choice(item, below, known, noun)
            if name is not None and name in found:
                self.wrong(item, below, f"`{name}` is listed twice")
            found.append(name)
        valid = [name for name in found if name is not None]
        return tuple(valid) if valid and len(valid) == len(found) else None

    def duration(self, node: Node, path: str) -> int | None:
        """Seconds, written as `30s`, `5m`, `8h`, `2d`."""
        text = self.text(node, path)
        match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text or "")
        if match is None:
            if text is not None:
                self.wrong(node, path, f"`{text}` is not a duration", "write 30s, 5m, 8h or 2d")
            return None
        return int(match[1]) * _UNITS[match[2]]

    def whole(self, node: Node, path: str) -> int | None:
        """A whole number from 0."""
        text = self.text(node, path)
        if text is None:
            return None
        if not re.fullmatch(r"0|[1-9]\d{0,8}", text):
            self.wrong(node, path, f"`{text}` is not a whole number from 0")
            return None
        return int(text)

    def number(self, node: Node, path: str) -> float | None:
        """A decimal number with a point."""
        text = self.text(node, path)
        if text is None:
            return None
        if not re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d{1,6})?", text):
            self.wrong(node, path, f"`{text}` is not a number", "write it as 1234.50")
            return None
        return float(text)

    def fraction(self, node: Node, path: str) -> float | None:
        """A number from 0 to 1."""
        number = self.number(node, path)
        if number is not None and not 0 <= number <= 1:
            self.wrong(node, path, f"`{number:g}` is not between 0 and 1")
            return None
        return number

    def day(self, node: Node, path: str) -> date | None:
        """A date, written as 2026-12-31."""
        text = self.text(node, path)
        if text is None:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            self.wrong(node, path, f"`{text}` is not a date", "write it as 2026-12-31")
            return None

    def value(self, node: Node, path: str, kind: str) -> Value | None:
        """A value of the type `text`, `number` or `truth`."""
        if kind == "number":
            return self.number(node, path)
        if kind == "text":
            return self.text(node, path)
        text = self.choice(node, path, ("true", "false"), "truth value")
        return None if text is None else text == "true"

    def version(self, entries: dict[str, Node], path: str = "version") -> None:
        """The version of the language, which is 1."""
        node = entries.get("version")
        if node is not None and not (is_scalar(node) and node.text == "1"):
            self.wrong(node, path, "only version 1 is known", "write `version: 1`")


def is_name(text: str) -> bool:
    """Whether a new rule, role or group may be called so."""
    return _NAME.fullmatch(text) is not None


def join(path: str, key: str) -> str:
    """The path of `key` below `path`."""
    return f"{path}.{key}" if path else key
