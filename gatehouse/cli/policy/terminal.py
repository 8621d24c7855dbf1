"""Long lines on a terminal, broken so that what follows a label stays under it.

Only for people: what is piped or written to a file keeps its lines, because programs read those.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable

_LABEL = re.compile(r" *(?:[+!-] \w+  |(?:was|now|if|e\.g\.|same) +|(?=\S))")
NARROWEST = 40


def fitted(lines: Iterable[str], *, err: bool = False) -> str:
    """The lines as text, fitted to the terminal if stdout (with `err` stderr) is one."""
    found = list(lines)
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return "\n".join(found)
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    return "\n".join(part for line in found for part in broken(line, width))


def broken(line: str, width: int) -> list[str]:
    """The line in parts of at most `width` characters, the later ones under its text."""
    if len(line) <= width:
        return [line]
    label = _LABEL.match(line)
    indent = len(label[0]) if label else 0
    parts = textwrap.wrap(
        line[indent:], width - indent, break_long_words=False, break_on_hyphens=False
    )
    return [(line[:indent] if not number else " " * indent) + p for number, p in enumerate(parts)]
