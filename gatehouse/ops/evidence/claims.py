"""Holds the map against what is there: every file, section, test, setting and self-test it names.

Works on a checkout, where the tests are; a deployment has the results of their last run instead. A
claim that leads nowhere is a mistake of the map and is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from gatehouse.ops.evidence.mapping import EvidenceMap, Requirement
from gatehouse.settings import SECTIONS

_TEST = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sources:
    """What claims may name. `tests` gives the files of each test function, relative to `root`."""

    root: Path
    tests: dict[str, tuple[str, ...]]
    settings: frozenset[str]
    selftests: frozenset[str]
    live: frozenset[str]


def sources(root: Path, selftests: Collection[str], live: Collection[str]) -> Sources:
    """Everything that can be claimed in the checkout at `root`."""
    return Sources(root, test_names(root), setting_names(), frozenset(selftests), frozenset(live))


def test_names(root: Path) -> dict[str, tuple[str, ...]]:
    """The files in which each test function of the checkout stands."""
    found: dict[str, list[str]] = {}
    for path in sorted([*root.glob("tests/**/test_*.py"), *root.glob("lean/tests/**/test_*.py")]):
        for name in set(_TEST.findall(path.read_text(encoding="utf-8"))):
            found.setdefault(name, []).append(path.relative_to(root).as_posix())
    return {name: tuple(files) for name, files in found.items()}


test_names.__test__ = False  # type: ignore[attr-defined]


def setting_names() -> frozenset[str]:
    """Every setting as `section.key`."""
    return frozenset(
        f"{section}.{item.name}" for section, kind in SECTIONS.items() for item in fields(kind)
    )


def problems(evidence: EvidenceMap, known: Sources) -> list[str]:
    """What the map names and is not there, one line each; empty when every claim leads somewhere."""
    return [
        f"{one.framework} {one.id}: {problem}"
        for one in evidence.requirements
        for problem in _of(one, known)
    ]


def _of(one: Requirement, known: Sources) -> Iterator[str]:
    for place in one.where:
        yield from _place(known.root, place)
    for test in one.tests:
        files = files_of(test, known.tests)
        if not files:
            yield f"there is no test {test}"
        elif len(files) > 1:
            yield f"{test} stands in {' and '.join(files)}; write file::{test}"
    for kind, names, there in (
        ("setting", one.settings, known.settings),
        ("self-test", one.selftests, known.selftests),
        ("live result", one.live, known.live),
    ):
        yield from (f"there is no {kind} {name}" for name in names if name not in there)


def files_of(test: str, tests: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The files in which a claimed test stands: one, unless the claim is wrong or ambiguous."""
    file, _, name = test.rpartition("::")
    return tuple(one for one in tests.get(name, ()) if not file or one == file)


def _place(root: Path, place: str) -> Iterator[str]:
    file, _, section = place.partition("#")
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()) or not path.exists():
        yield f"there is no file {file}"
    elif section and section not in anchors(path):
        yield f"{file} has no section {section}"


@cache
def anchors(path: Path) -> frozenset[str]:
    """The names of the headings of a Markdown document, as links to them are written."""
    found: set[str] = set()
    for line in _FENCE.sub("", path.read_text(encoding="utf-8")).splitlines():
        if heading := re.match(r"#{1,6} +(.+)", line):
            text = re.sub(r"[^\w\- ]", "", heading[1].strip().lower())
            found.add(text.replace(" ", "-"))
    return frozenset(found)
