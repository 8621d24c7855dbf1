"""The OSCAL of a bundle, held to what NIST publishes: its JSON schema and the constraints of its metaschema."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatehouse.ops.evidence import oscal
from gatehouse.ops.evidence.assessment import Assessment, assess
from gatehouse.ops.evidence.live import Live
from gatehouse.ops.evidence.mapping import read_map
from gatehouse.ops.evidence.oscal import About
from gatehouse.ops.evidence.outcomes import Outcomes
from tests.needs import need

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".venv-tools" / "bin" / "python"
ABOUT = About("audit.example.org/desk", "1.0", "2026-11-25T12:00:00.000Z")
pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def found() -> Assessment:
    looks = [
        Live("audit", "The log", good=True, facts={"entries": 3}),
        Live("tests", "Tests", collected=False, why="there are none"),
        Live("selftest", "Attacks", good=False, why="one was found"),
    ]
    return assess(read_map(PROJECT / "compliance"), Outcomes(), looks)


def objections(document: dict[str, Any], path: Path) -> list[tuple[str, str]]:
    """Code and place of what NIST's schema and constraints do not allow in `document`.

    Its version is no objection, since the releases since 1.1.3 took nothing away; references into
    catalogues that nobody publishes as OSCAL cannot be looked up and are marked so.
    """
    path.write_text(json.dumps(document), encoding="utf-8")
    run = subprocess.run(
        [PYTHON, "-m", "oscal_validate", "--format", "json", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode in (0, 1), run.stderr
    return [
        (one["code"], one["location"])
        for one in json.loads(run.stdout)["findings"]
        if one["severity"] in ("ERROR", "WARNING") and one["code"] != "OSCAL_VERSION_DIFFERS"
    ]


@pytest.mark.parametrize("make", [oscal.component_definition, oscal.assessment_results])
def test_oscal_is_what_nist_publishes(found: Assessment, make: Any, tmp_path: Path) -> None:
    """The whole map in both documents; and the validator objects when something is taken away."""
    need(PYTHON.is_file(), "the tools environment is not there (make tools)")
    document = make(found, ABOUT)
    assert [] == objections(document, tmp_path / "good.json")
    (name,) = document
    for damage in (
        {"metadata": {**document[name]["metadata"], "last-modified": "yesterday"}},
        {"metadata": {**document[name]["metadata"], "title": None}},
        {"surprise": True},
    ):
        assert objections({name: {**document[name], **damage}}, tmp_path / "damaged.json"), damage
