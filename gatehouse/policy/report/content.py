"""What a report is made of, gathered from the policy files and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gatehouse.policy import cases
from gatehouse.policy.diff import Comparison
from gatehouse.policy.document import parse
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import Problems
from gatehouse.policy.sources import TESTS, read_directory


@dataclass(frozen=True, slots=True)
class TestFile:
    """The policy tests of one file: their names with the number of decisions each one checks."""

    name: str
    tests: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A report: the policies, when it was made, and what it is compared with.

    `since` names the earlier revision; without it nothing is compared. `responses` are the texts
    of the domain by name.
    """

    policies: PolicySet
    made: datetime
    title: str
    tests: tuple[TestFile, ...] = ()
    responses: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    since: str = ""


def test_files(directory: Path, policies: PolicySet) -> tuple[TestFile, ...]:
    """The policy tests in `directory`, which `policies` passed."""
    problems = Problems()
    sources = read_directory(directory, problems)
    known = frozenset(rule.id for rule in policies.rules)
    found: list[TestFile] = []
    for name, data in sorted(sources.files.items()):
        node = parse(sources.shown(name), data, problems) if name.startswith(f"{TESTS}/") else None
        if node is None:
            continue
        counted: dict[str, int] = {}
        for case in cases.read({name: node}, policies.vocabulary, known, problems):
            counted[case.name] = counted.get(case.name, 0) + 1
        found.append(TestFile(name, tuple(counted.items())))
    return tuple(found)


test_files.__test__ = False  # type: ignore[attr-defined]


def response_texts(domain: Path) -> dict[str, str]:
    """The first text of every response in `domain`, a file or a directory; nothing if unreadable."""
    texts: dict[str, str] = {}
    for file in sorted(domain.glob("**/*.yml")) if domain.is_dir() else [domain]:
        try:
            content: Any = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError):
            continue
        responses = content.get("responses") if isinstance(content, dict) else None
        for name, variants in responses.items() if isinstance(responses, dict) else ():
            first = variants[0] if isinstance(variants, list) and variants else None
            if isinstance(first, dict) and isinstance(first.get("text"), str):
                texts[str(name)] = " ".join(first["text"].split())
    return texts
