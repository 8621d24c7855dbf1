"""What became of the tests: reads the files that a test run leaves, and only those of this very code.

A result says something about the code that ran, so each file carries the digest of the package it
was made with. Results of other code are refused, not shown with a remark.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from gatehouse.errors import InvalidInput, NotReady

FORMAT: Final = 1
PASSED, FAILED, NOT_RUN, UNKNOWN = "passed", "failed", "not run", "unknown"
_LARGEST: Final = 32 << 20  # bytes of a file of results
_PARTS: Final = ("*.py", "*.yml", "*.html", "*.js", "*.css", "*.svg", "*.txt", "*.toml")
PACKAGE: Final = Path(__file__).resolve().parents[2]


@cache
def code_digest(package: Path = PACKAGE) -> str:
    """SHA-256 (hex) over names and contents of the files of the package `gatehouse`."""
    whole = hashlib.sha256()
    files = {path for pattern in _PARTS for path in package.rglob(pattern)}
    for path in sorted(files):
        if not {"node_modules", "__pycache__"} & set(path.parts):
            whole.update(path.relative_to(package).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How each test ended, by `file::name`; the variants of a test count as one.

    `made` says when the runs ended (RFC 3339), oldest first.
    """

    tests: Mapping[str, str] = field(default_factory=dict)
    made: tuple[str, ...] = ()

    def of(self, claim: str) -> str:
        """How a claimed test ended. Without any results nobody knows."""
        if not self.made:
            return UNKNOWN
        file, _, name = claim.rpartition("::")
        ended = [
            how
            for test, how in self.tests.items()
            if test.rpartition("::")[2] == name and (not file or test == claim)
        ]
        if FAILED in ended:
            return FAILED
        return PASSED if PASSED in ended and NOT_RUN not in ended else NOT_RUN

    def counts(self) -> dict[str, int]:
        """How many tests passed, failed and did not run."""
        ended = list(self.tests.values())
        return {how: ended.count(how) for how in (PASSED, FAILED, NOT_RUN)}


def read_outcomes(files: Iterable[Path], digest: str | None = None) -> Outcomes:
    """The results in `files`, of the code with `digest` (this code's own without one).

    Raises `NotReady` for a file that is missing or belongs to other code, `InvalidInput` for one that
    cannot be read.
    """
    digest = digest or code_digest()
    tests: dict[str, str] = {}
    made = []
    for path in files:
        document = _document(path)
        if document["code"] != digest:
            raise NotReady(
                f"{path} has the results of other code than this", "run `make test` again"
            )
        made.append(document["made"])
        for test, counts in document["tests"].items():
            tests[test] = _worse(tests.get(test), _ended(counts))
    return Outcomes(tests, tuple(sorted(made)))


def _ended(counts: Any) -> str:
    if counts.get("failed"):
        return FAILED
    return PASSED if counts.get("passed") and not counts.get("skipped") else NOT_RUN


def _worse(before: str | None, now: str) -> str:
    """What two runs say of one test: a failure stands, and what ran once has run."""
    if FAILED in (before, now):
        return FAILED
    return PASSED if PASSED in (before, now) else now


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} is too large for results of tests")
        document = json.loads(path.read_text(encoding="utf-8"))
        good = (
            document["format"] == FORMAT
            and isinstance(document["code"], str)
            and isinstance(document["made"], str)
            and all(isinstance(one, dict) for one in document["tests"].values())
        )
    except OSError as error:
        raise NotReady(
            f"there are no results of tests in {path}", "`make test` writes them"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"{path} does not hold results of tests") from error
    if not good:
        raise InvalidInput(f"{path} does not hold results of tests")
    return dict(document)
