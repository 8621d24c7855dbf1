"""Results of tests: written by the plugin, believed for this very code only, never rounded up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.evidence.assessment import assess
from gatehouse.ops.evidence.live import Live
from gatehouse.ops.evidence.mapping import EvidenceMap
from gatehouse.ops.evidence.outcomes import (
    FAILED,
    NOT_RUN,
    PASSED,
    UNKNOWN,
    Outcomes,
    code_digest,
    read_outcomes,
)
from tests.unit.evidence.conftest import PROJECT

TESTS = """\
import pytest

def test_good(): ...
@pytest.mark.parametrize("number", [1, 2])
def test_both(number): ...
@pytest.mark.parametrize("number", [1, 2])
def test_one_fails(number): assert number == 1
@pytest.mark.parametrize("number", [1, 2])
def test_one_is_skipped(number):
    if number == 2: pytest.skip("not here")
@pytest.mark.xfail
def test_expected_to_fail(): assert False
@pytest.fixture
def broken(): raise ValueError
def test_without_its_fixture(broken): ...
@pytest.mark.skip
def test_skipped(): ...
"""


@pytest.fixture(scope="module", params=[(), ("-n", "1")], ids=["one process", "a worker"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that a run of `TESTS` with the plugin writes."""
    place = tmp_path_factory.mktemp("run")
    (place / "test_them.py").write_text(TESTS, encoding="utf-8")
    (place / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    out = place / "results" / "tests.json"
    arguments = ["-p", "tests.results", "--results-file", str(out), "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *request.param, "--rootdir", place, place],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    return out


def test_the_plugin_writes_how_each_test_ended(written: Path) -> None:
    """Variants count together: one that failed or was skipped is not made up for by another."""
    outcomes = read_outcomes([written])
    ended = {name: outcomes.of(f"test_{name}") for name in (
        "good", "both", "one_fails", "one_is_skipped", "expected_to_fail", "without_its_fixture",
        "skipped", "nowhere",
    )}  # fmt: skip
    assert {
        "good": PASSED, "both": PASSED, "one_fails": FAILED, "one_is_skipped": NOT_RUN,
        "expected_to_fail": NOT_RUN, "without_its_fixture": FAILED, "skipped": NOT_RUN,
        "nowhere": NOT_RUN,
    } == ended  # fmt: skip


def results(tests: dict[str, dict[str, int]], **changed: Any) -> str:
    document = {
        "format": 1,
        "made": "2026-11-25T12:00:00.000Z",
        "code": code_digest(),
        "tests": tests,
    }
    return json.dumps({**document, **changed})


def test_several_files_count_together(tmp_path: Path) -> None:
    """What ran in one of them has run; what failed in one has failed."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(results({"t.py::test_a": {"skipped": 1}, "t.py::test_b": {"passed": 1}}))
    two.write_text(results({"t.py::test_a": {"passed": 1}, "t.py::test_b": {"failed": 1}}))
    outcomes = read_outcomes([one, two])
    assert (PASSED, FAILED) == (outcomes.of("test_a"), outcomes.of("test_b"))
    assert {PASSED: 1, FAILED: 1, NOT_RUN: 0} == outcomes.counts()


def test_a_file_name_tells_tests_of_one_name_apart(tmp_path: Path) -> None:
    """And without it, one that failed is enough."""
    path = tmp_path / "r.json"
    path.write_text(results({"a.py::test_a": {"passed": 1}, "b.py::test_a": {"failed": 1}}))
    outcomes = read_outcomes([path])
    assert [PASSED, FAILED, FAILED] == [
        outcomes.of(claim) for claim in ("a.py::test_a", "b.py::test_a", "test_a")
    ]


def test_results_of_other_code_are_refused(tmp_path: Path) -> None:
    """They say nothing about this code."""
    path = tmp_path / "r.json"
    path.write_text(results({}, code="0" * 64))
    with pytest.raises(NotReady, match="results of other code"):
        read_outcomes([path])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", results({}, format=2), results({}, made=1), '{"format": 1}',
     json.dumps({"format": 1, "made": "", "code": "", "tests": []}), "[" * 100_000],
)  # fmt: skip
def test_what_is_no_file_of_results_is_refused_in_words(tmp_path: Path, text: str) -> None:
    """Half-written, foreign and hostile files."""
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="does not hold results of tests"):
        read_outcomes([path])
    with pytest.raises(NotReady, match="no results of tests"):
        read_outcomes([tmp_path / "missing.json"])


def test_the_digest_names_exactly_the_code(tmp_path: Path) -> None:
    """A changed, added or renamed file of the package gives another one."""
    package = tmp_path / "gatehouse"
    package.mkdir()
    (package / "a.py").write_text("a")
    digests = [code_digest.__wrapped__(package)]
    (package / "a.py").write_text("b")
    digests.append(code_digest.__wrapped__(package))
    (package / "b.py").write_text("")
    digests.append(code_digest.__wrapped__(package))
    (package / "b.py").rename(package / "c.py")
    digests.append(code_digest.__wrapped__(package))
    assert 4 == len(set(digests))


@pytest.mark.parametrize(
    ("ended", "audit", "last"),
    [
        (PASSED, Live("audit", good=True), "shown"),
        (PASSED, Live("audit", good=True, why="no witness"), "shown in part"),
        (PASSED, Live("audit", collected=False, why="away"), "shown in part"),
        (PASSED, Live("audit", good=False, why="altered"), "failed"),
        (FAILED, Live("audit", good=True), "failed"),
        (NOT_RUN, Live("audit", good=True), "shown in part"),
        (NOT_RUN, Live("audit", collected=False), "not shown"),
        (UNKNOWN, Live("audit", collected=False), "not shown"),
    ],
)
def test_nothing_is_rounded_up(small: EvidenceMap, ended: str, audit: Live, last: str) -> None:
    """A claim is shown when every test ran and passed and every look was had and is good."""
    made = () if ended == UNKNOWN else ("2026-11-25",)
    found = assess(small, Outcomes({"t.py::test_one": ended}, made), [audit])
    assert [last, "not shown", "nothing to show"] == [one.last for one in found.requirements]
