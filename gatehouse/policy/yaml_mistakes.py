"""Says what is wrong with text that is not YAML, to somebody who has never heard of YAML.

A parser reports where it gave up, often a line or a file later than the mistake, and in terms of its
grammar. Here the place of the mistake is looked for in the text, and said in words about what can be
seen: columns, quotes, brackets, colons. This module must never quote more than one character.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ruamel.yaml.error import MarkedYAMLError

_TYPOGRAPHIC = re.compile("[\u00ab\u00bb\u2018-\u201f]")
_ALIGN = "lines that belong together begin equally far from the left"


class Mistake(NamedTuple):
    """The place (`line` and `column` from 1), what is wrong, what is meant."""

    line: int
    column: int
    message: str
    hint: str


def mistake(error: MarkedYAMLError, text: str) -> Mistake:
    """What the parser gave up on in `text`."""
    return _Reading(error, text).mistake()


class _Reading:
    def __init__(self, error: MarkedYAMLError, text: str) -> None:
        mark = error.problem_mark or error.context_mark
        self._problem, self._context = str(error.problem or ""), str(error.context or "")
        self._lines = text.splitlines()
        self._line, self._column = mark.line + 1, mark.column + 1
        start = error.context_mark or mark
        self._start = start.line + 1, start.column + 1

    def mistake(self) -> Mistake:
        problem, context = self._problem, self._context
        if "tab" in problem or self._at() == "\t":
            return self._here("a tab", "indent with spaces, not with tabs")
        if "cannot start any token" in problem or "scanning an alias" in context:
            place = (self._line, self._column) if "token" in problem else self._start
            message = f"a text cannot begin with `{self._at(*place)}`"
            return Mistake(*place, message, "put the text in quotes")
        if "mapping values are not allowed" in problem or "unexpected ':'" in problem:
            return self._colon()
        if "could not find expected ':'" in problem:
            hint = "write `key: value`, with a space after the colon"
            return Mistake(*self._start, "a `:` is missing after this key", hint)
        if "quoted scalar" in context and "end of stream" in problem:
            return Mistake(
                *self._start, "this quote is not closed", "close it at the end of the text"
            )
        if "unknown escape" in problem:
            return self._here("`\\` has a meaning of its own in these quotes", "use single quotes")
        if "expected ',' or" in problem:
            return self._bracket()
        if "expected node content" in problem:
            return self._here("something is missing before this", "write it, or remove the comma")
        if re.search(r"expected ('-' indicator|key|<block end>)", problem):
            return self._block()
        return self._here(f"this is not YAML: {problem}", "check the indentation and the quotes")

    def _colon(self) -> Mistake:
        line = self._text(self._line)
        if _TYPOGRAPHIC.search(line[: self._column]):
            hint = 'write straight ones: "…"'
            return self._here("typographic quotes do not hold a text together", hint)
        above = self._above()
        if above and re.match(r"\s*-\S", self._text(above)) and "[" not in line:
            column = self._text(above).index("-") + 1
            return Mistake(above, column, "a space is missing after `-`", "write `- id: …`")
        alone = ":" not in line[: self._column - 1]  # nothing but a key is before the colon
        if alone and above and ":" not in self._text(above):
            hint = "write `key: value`, with a space after the colon"
            return Mistake(above, _begin(self._text(above)), "a `:` is missing in this line", hint)
        if alone and above and _begin(line) > _begin(self._text(above)):
            return self._indented(above)
        return self._here("an unexpected `:`", "check the indentation, or put the text in quotes")

    def _bracket(self) -> Mistake:
        if self._at() in ("]", "}"):
            return self._here("another bracket is open here", "[ is closed with ], { with }")
        if self._start[0] == self._line:
            message = "a comma or the closing bracket is missing before this"
            return self._here(message, "write [one, two] or {key: value, other: value}")
        return Mistake(*self._start, "this bracket is not closed", "close it with ] or }")

    def _block(self) -> Mistake:
        line = self._text(self._line)
        if line[: self._column - 1].strip():
            if self._at() in ("]", "}"):
                return self._here(f"an unexpected `{self._at()}`", "remove it, or open it before")
            hint = "put a text that has such quotes in it into the other ones"
            return self._here("the text in quotes ended before this", hint)
        element = line.lstrip().startswith("-")
        above = self._above(element)
        if above:
            return self._indented(above, element)
        return self._here("this does not belong to the lines above", _ALIGN)

    def _indented(self, above: int, element: bool = False) -> Mistake:
        text = self._text(above)
        there = len(text) - len(text.lstrip()) + 1 if element else _begin(text)
        here = len(self._text(self._line)) - len(self._text(self._line).lstrip()) + 1
        if here == there:
            return self._here("this does not belong to the lines above", _ALIGN)
        message = f"this begins at column {here}, line {above} above it at column {there}"
        return Mistake(self._line, here, message, _ALIGN)

    def _above(self, element: bool = False) -> int:
        """The number of the nearest line above that says something (an element of a list); or 0."""
        for number in range(self._line - 1, 0, -1):
            text = self._text(number).strip()
            if text and not text.startswith("#") and (text.startswith("-") or not element):
                return number
        return 0

    def _here(self, message: str, hint: str) -> Mistake:
        return Mistake(self._line, self._column, message, hint)

    def _text(self, line: int) -> str:
        return self._lines[line - 1] if line <= len(self._lines) else ""

    def _at(self, line: int = 0, column: int = 0) -> str:
        text, column = self._text(line or self._line), column or self._column
        return text[column - 1] if column <= len(text) else ""


def _begin(text: str) -> int:
    """The column at which a key begins, after the `- ` of its list."""
    found = re.match(r"\s*(- +)*", text)
    return (found.end() if found else 0) + 1
