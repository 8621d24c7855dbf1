"""What is wrong with a policy, said so that a compliance officer can put it right.

A `Problem` names the file, line, column and path and says what is meant. All problems of a
directory are collected before anything is reported. A problem must never quote more of a file than
the one word that is wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gatehouse.errors import InvalidInput

MOST_SHOWN = 100
# Words that people write for those of the language.
_SAID_FOR = {
    "if": "when",
    "condition": "when",
    "conditions": "when",
    "reason": "why",
    "because": "why",
    "name": "id",
    "message": "say",
    "answer": "say",
    "text": "say",
    "from": "valid_from",
    "until": "valid_until",
    "forbid": "deny",
    "block": "deny",
    "refuse": "deny",
    "permit": "allow",
    "code": "step_up",
    "own": "self",
    "mine": "self",
    "others": "anyone",
}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; `line` and `column` start at 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where (`rules[0].when.hours`), what is wrong, what is meant (`hint`).

    `kind` is `invalid` for the language, `test` for a policy test that failed and `warning` for
    something that is allowed but probably not wanted.
    """

    where: Position
    path: str
    message: str
    hint: str = ""
    kind: Literal["invalid", "test", "warning"] = "invalid"

    def __str__(self) -> str:
        place = f"{self.where} {self.path}" if self.path else str(self.where)
        return f"{place}: {self.message}" + (f"; {self.hint}" if self.hint else "")

    def as_dict(self) -> dict[str, str | int]:
        """The problem for `--json` and for the audit log."""
        return {
            "kind": self.kind,
            "file": self.where.file,
            "line": self.where.line,
            "column": self.where.column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }


class PolicyInvalid(InvalidInput):
    """The policy directory cannot be used; `problems` has every mistake, by file and line."""

    def __init__(self, problems: Iterable[Problem], *hints: str) -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        more = len(self.problems) - len(shown)
        if more:
            shown.append(f"… and {more} more")
        title = f"the policies have {counted(len(self.problems), 'mistake')}"
        super().__init__("\n".join([title, *shown]), *hints)


def counted(number: int, noun: str) -> str:
    """`1 mistake`, `2 mistakes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Problems:
    """Collects the problems of one load."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._settled: set[Position] = set()

    def add(self, where: Position, path: str, message: str, hint: str = "") -> None:
        """Report a mistake, unless what is there was `settled`."""
        if where not in self._settled:
            self._found.append(Problem(where, path, message, hint))

    def settle(self, where: Position) -> None:
        """Nothing more is reported of the word at `where`: the first mistake says it all."""
        self._settled.add(where)

    def warn(self, where: Position, path: str, message: str, hint: str = "") -> None:
        """Report something that is allowed but probably not wanted."""
        self._found.append(Problem(where, path, message, hint, "warning"))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over the problems of a part."""
        self._found.extend(problems)

    def errors(self) -> tuple[Problem, ...]:
        """Every problem that makes the directory unusable, by file, line and column."""
        return tuple(item for item in self._sorted() if item.kind != "warning")

    def warnings(self) -> tuple[Problem, ...]:
        """Every warning, by file, line and column."""
        return tuple(item for item in self._sorted() if item.kind == "warning")

    def _sorted(self) -> list[Problem]:
        unique = dict.fromkeys(self._found)
        return sorted(unique, key=lambda item: (item.where, item.path, item.message))


def did_you_mean(word: str, known: Iterable[str], *, noun: str = "") -> str:
    """A hint for `word`: the nearest known name, else the list of known ones if it is short."""
    names = sorted(known)
    meant = _SAID_FOR.get(word.lower())
    if meant in names:
        return f"did you mean `{meant}`?"
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if names and len(names) <= 12:
        return f"{noun or 'known'}: {', '.join(names)}"
    return ""
