"""A deployment with people whose every fact is marked, and a small map."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing
from gatehouse.ops.evidence.mapping import EvidenceMap, read_map
from gatehouse.runtime import Runtime, open_runtime

PROJECT = Path(__file__).resolve().parents[3]
MARK = "Xq7marker"
"""In every fact about a person that the deployment of these tests knows."""

SMALL = """\
framework: own
group: A group
scope: [R.1, R.2, R.3]
requirements:
- {id: R.1, status: met, how: "It is so.", where: [README.md], tests: [test_one], live: [audit]}
- {id: R.2, status: partly, how: "Some of it.", where: [README.md], tests: [test_two], gap: "The rest."}
- {id: R.3, status: not_applicable, why: "=1+1 there is none"}
"""


@pytest.fixture
def small(tmp_path: Path) -> EvidenceMap:
    return make_map(tmp_path / "map", SMALL)


def make_map(directory: Path, text: str) -> EvidenceMap:
    """A map of one framework with the file `text`."""
    directory.mkdir(exist_ok=True)
    (directory / "frameworks.yml").write_text(
        "own: {title: Our own, version: '1', source: 'https://example.org/own'}\n", encoding="utf-8"
    )
    (directory / "own.yml").write_text(text, encoding="utf-8")
    return read_map(directory)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with one marked person, a conversation of hers and some entries."""
    home = tmp_path_factory.mktemp(f"{MARK}-home")
    shutil.copy(PROJECT / "domain.yml", home / "domain.yml")
    shutil.copytree(PROJECT / "policies", home / "policies")
    KeyRing.initialise(home / "var" / "keys", SettableClock()).close()
    runtime = open_runtime(home, SettableClock())
    person = runtime.directory.add(
        f"{MARK}.walsh".lower(), f"Erin {MARK}", ["employee"], f"granite {MARK} sails quietly",
        department=f"Department {MARK}", employee_id=f"E-{MARK}", must_change_password=False,
    )  # fmt: skip
    runtime.sessions.open(person, f"Mozilla {MARK}")
    runtime.conversations.started(f"conversation-{MARK}", person.id)
    runtime.record_start()
    runtime.audit.append(
        "decision", person=person.id, conversation=f"conversation-{MARK}", intent="view_salary",
        effect="deny", rule="default",
    )  # fmt: skip
    runtime.audit.append("policy_proposed", proposed_by=f"{MARK}.walsh")
    runtime.checkpoints.make()
    runtime.close()
    return home


@pytest.fixture
def runtime(home: Path) -> Iterator[Runtime]:
    opened = open_runtime(home, SettableClock())
    yield opened
    opened.close()
