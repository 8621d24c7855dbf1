"""The words of a log call as its program's source has them.

A line such as `logger.debug(f"Received '{text}'")` is known by its place in a file. Reading the words
there, and not what was made of them at run time, is what makes it impossible to show a value: the
holes stay holes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

HOLE = "…"
MOST_FILES = 512
LONGEST_FILE = 2_000_000  # bytes
LONGEST = 300  # characters of a line

_CALLS = re.compile(
    r"_?(log|_?log_?(debug|info|warn|error).*|debug|info|warn(ing)?|error|exception)"
)
_PERCENT = re.compile(r"%(\(\w*\))?[#0\- +]*(\d+|\*)?(\.(\d+|\*))?[hlL]?[a-zA-Z]|%%")
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}")


def template_of(path: str, line: int) -> str:
    """The constant words of the log call at `line` of the file `path`; `…` when there are none."""
    return _calls_of(path).get(line, HOLE)


@lru_cache(maxsize=MOST_FILES)
def _calls_of(path: str) -> dict[int, str]:
    """The words of every log call of a file, by each line that the call spans."""
    try:
        source = Path(path)
        if source.suffix != ".py" or source.stat().st_size > LONGEST_FILE:
            return {}
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, str] = {}
    # Outer calls first, so that the lines of an inner one are its own.
    for call in sorted(_log_calls(tree), key=_span, reverse=True):
        words = _words(_message_of(call))
        for line in range(call.lineno, (call.end_lineno or call.lineno) + 1):
            found[line] = words
    return found


def _log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _CALLS.fullmatch(node.func.attr)
        ):
            yield node


def _span(call: ast.Call) -> int:
    return (call.end_lineno or call.lineno) - call.lineno


def _message_of(call: ast.Call) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in ("msg", "event"):
            return keyword.value
    position = 1 if isinstance(call.func, ast.Attribute) and call.func.attr == "log" else 0
    return call.args[position] if len(call.args) > position else None


def _words(node: ast.expr | None) -> str:
    return " ".join(_text(node).split())[:LONGEST] or HOLE


def _text(node: ast.expr | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return _PERCENT.sub(lambda hole: "%" if hole[0] == "%%" else HOLE, text)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.BinOp(left=left, op=ast.Mod()):
            return _text(left)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _BRACES.sub(
                lambda hole: HOLE if len(hole[0]) > 2 or hole[0] == "{}" else hole[0][0], text
            )
    return HOLE
