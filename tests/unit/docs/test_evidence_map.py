"""The map under `compliance/`: complete, and every claim leads to something that is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.evidence.catalogue import attack_ids, attacks_by_requirement, full_map
from gatehouse.ops.evidence.claims import problems, sources
from gatehouse.ops.evidence.live import LOOKS
from gatehouse.ops.evidence.mapping import MET, PARTLY, EvidenceMap, map_directory, read_map
from tests.unit.evidence.conftest import PROJECT, SMALL, make_map


@pytest.fixture(scope="module")
def shipped() -> EvidenceMap:
    return read_map(PROJECT / "compliance")


def test_every_claim_leads_somewhere(shipped: EvidenceMap) -> None:
    """Every file, section, test, setting, self-test and live result that the map names is there."""
    assert [] == problems(shipped, sources(PROJECT, attack_ids(), LOOKS))


def test_every_requirement_has_its_entry(shipped: EvidenceMap) -> None:
    """All 345 of ASVS 5.0.0 by level, and the selections of SOC 2 and ISO/IEC 27001."""
    assert {1: 70, 2: 183, 3: 92} == Counter(one.level for one in shipped.of("asvs"))
    assert 345 == len({one.id for one in shipped.of("asvs")})
    assert 19 == len(shipped.of("soc2"))
    assert 25 == len(shipped.of("iso27001"))


def test_every_attack_is_about_requirements_that_there_are(shipped: EvidenceMap) -> None:
    """And each is named by the requirements it is about, when those are claimed as met or partly."""
    attacks = attacks_by_requirement()
    assert set() == attacks.keys() - {one.id for one in shipped.of("asvs")}
    named = {one.id: one.selftests for one in full_map(PROJECT / "compliance").of("asvs")}
    claimed = {one.id for one in shipped.of("asvs") if one.status in (MET, PARTLY)}
    assert claimed & attacks.keys()
    assert all(set(attacks[name]) <= set(named[name]) for name in claimed & attacks.keys())


def test_the_build_holds_the_claims_against_what_ran() -> None:
    """Both runs of tests write their results, and the last step of the build reads both."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    last = (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert "gatehouse evidence check" in last
    for name in ("tests", "outside"):
        assert f"-p tests.results --results-file build/results/{name}.json" in makefile
        assert f"--results build/results/{name}.json" in last


def test_no_word_claims_compliance(shipped: EvidenceMap) -> None:
    """Nowhere in the map is anything called compliant, certified or guaranteed."""
    forbidden = re.compile(r"compliant|complies|certified|guarantee", re.IGNORECASE)
    words = {one.id: f"{one.how} {one.customer} {one.gap}" for one in shipped.requirements}
    assert [] == [name for name, text in words.items() if forbidden.search(text)]


def test_what_is_met_names_no_gap_and_what_is_partly_met_does(shipped: EvidenceMap) -> None:
    """The reader holds this for every map; here for the one that ships."""
    assert all(not one.gap for one in shipped.requirements if one.status == MET)
    assert all(one.gap for one in shipped.requirements if one.status == PARTLY)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("test_one", "test_nowhere_at_all", "there is no test test_nowhere_at_all"),
        ("[README.md], tests: [test_one]", "[gatehouse/no.py], tests: [test_one]", "no file"),
        ("[README.md], tests: [test_one]", "[README.md#no-such], tests: [test_one]", "no section"),
        ("[README.md], tests: [test_one]", "[../outside], tests: [test_one]", "there is no file"),
        ("live: [audit]", "live: [audits]", "no live result audits"),
        ("live: [audit]", "settings: [keys.rot]", "there is no setting keys.rot"),
        ("live: [audit]", "selftests: [no-such-attack]", "there is no self-test no-such-attack"),
    ],
)
def test_a_claim_that_leads_nowhere_is_found(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    """A test, file, section, setting, self-test or live result that is not there is named."""
    evidence = make_map(tmp_path / "map", SMALL.replace(before, after))
    known = sources(PROJECT, attack_ids(), LOOKS)
    assert any(says in problem for problem in problems(evidence, known))


def test_a_name_that_two_files_have_has_to_name_its_file(tmp_path: Path) -> None:
    """Otherwise nobody could tell which of them is meant."""
    for file in ("test_a.py", "test_b.py"):
        path = tmp_path / "tests" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "def test_one() -> None: ...\ndef test_two() -> None: ...\n", encoding="utf-8"
        )
    (tmp_path / "README.md").write_text("# Read me\n", encoding="utf-8")
    known = sources(tmp_path, (), LOOKS)
    text = SMALL.replace("test_two", "tests/test_a.py::test_two")
    found = problems(make_map(tmp_path / "map", text), known)
    assert [
        "own R.1: test_one stands in tests/test_a.py and tests/test_b.py; write file::test_one"
    ] == found


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("[R.1, R.2, R.3]", "[R.1, R.2, R.3, R.4]", "there is no entry for R.4"),
        ("[R.1, R.2, R.3]", "[R.1, R.2]", "R.3 is not in the scope"),
        ("id: R.2", "id: R.1", "R.1 occurs twice"),
        (', gap: "The rest."', "", "R.2: partly needs gap"),
        ("live: [audit]", 'gap: "Something."', "R.1: met cannot have gap"),
        ("tests: [test_one], live: [audit]", "live: [audit]", "no test and no section"),
        ("status: met", "status: compliant", "status is one of"),
        ("live: [audit]", "proof: [audit]", "proof is not known"),
        ("where: [README.md], tests: [test_two]", "where: README.md", "a list is expected"),
        ("why: ", "id: ", "own.yml"),
        ("requirements:\n", "requirements: &a\n", ""),
        ("framework: own", "framework: other", "does not name 'other'"),
        ("group: A group\n", "", "needs framework, group, scope and requirements"),
        ("SMALL", "", ""),
    ],
)  # fmt: skip
def test_a_map_that_is_half_right_is_refused(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    """Missing, surplus and doubled entries, claims without proof, unknown words: named with the file."""
    changed = SMALL.replace(before, after)
    if (
        changed == SMALL or not says
    ):  # the map as it stands, and an anchor that nothing uses, are fine
        assert 3 == len(make_map(tmp_path / "map", changed).requirements)
        return
    with pytest.raises(InvalidInput, match=says):
        make_map(tmp_path / "map", changed)


def test_a_map_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Without the files, and without a framework's entries."""
    with pytest.raises(NotReady, match="cannot be read"):
        read_map(tmp_path)
    directory = tmp_path / "map"
    make_map(directory, SMALL)
    (directory / "own.yml").unlink()
    with pytest.raises(InvalidInput, match="the map has no entry of own"):
        read_map(directory)


def test_a_home_may_bring_its_own_map(tmp_path: Path) -> None:
    """And without one the map of this Gatehouse is used."""
    assert PROJECT / "compliance" == map_directory(tmp_path)
    make_map(tmp_path / "compliance", SMALL)
    assert tmp_path / "compliance" == map_directory(tmp_path)
