"""One file for each mistake: the first comments are the name of the file and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.policy import PolicyInvalid
from gatehouse.policy.document import parse
from gatehouse.policy.errors import Problems
from gatehouse.policy.loader import build
from tests.unit.policy.conftest import PAY

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.yml"))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_mistake_is_reported_with_its_place(path, domain, files, sources):
    """Exactly the mistakes of the file are reported: place, path, what is wrong, what is meant."""
    text = path.read_text(encoding="utf-8")
    name = text.splitlines()[0].removeprefix("# in ")
    head = [line for line in text.splitlines()[1:] if line.startswith("# policies/")]
    expected = [line.removeprefix("# ") for line in head]
    with pytest.raises(PolicyInvalid) as raised:
        build(sources({**files(), name: text}), domain)
    assert expected == [str(problem) for problem in raised.value.problems]


def test_the_mistakes_of_all_files_are_reported_at_once(domain, files, sources):
    """A person who made mistakes in three files hears of all of them in one go."""
    wrong = {
        "vocabulary.yml": files()["vocabulary.yml"].replace("utter_unclear", "utter_uncler"),
        "rest.yml": files()["rest.yml"].replace("contractor", "contracter"),
        "closed.yml": files()["closed.yml"].replace("Nobody may.", "&a Nobody may."),
    }
    with pytest.raises(PolicyInvalid) as raised:
        build(sources({**files(), **wrong}), domain)
    places = [str(problem.where) for problem in raised.value.problems]
    assert [
        "policies/closed.yml:4:22",
        "policies/rest.yml:8:12",
        "policies/vocabulary.yml:11:31",
    ] == places


def test_files_that_are_missing_are_named(domain, sources):
    """Without its vocabulary a directory cannot be read, and the message says which files lack."""
    with pytest.raises(PolicyInvalid) as raised:
        build(sources({"pay.yml": "version: 1\n"}), domain)
    missing = [problem.where.file for problem in raised.value.problems]
    assert ["policies/intents.yml", "policies/vocabulary.yml"] == missing
    assert 3 == raised.value.exit_code


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("closed.yml", "effect: deny", "effect deny", "policies/closed.yml:4:5"),
        ("closed.yml", "rules:", "rulse:", "policies/closed.yml:1:1"),
        ("rest.yml", "groups: [pay, team]", "groups: [pay, taem]", "policies/rest.yml:7:19"),
        ("closed.yml", "never,", "Never,", "policies/closed.yml:4:10"),
    ],
)
def test_what_only_follows_from_a_mistake_is_not_reported(
    name, old, new, expected, domain, files, sources
):
    """A rule that could not be read covers nothing and has no id; neither is said of other files."""
    tests = (
        "version: 1\nunlisted: not_tested\npeople: {anna: {roles: employee}}\n"
        "tests: [{name: Closed, people: anna, groups: command, expect: deny, because: never}]\n"
    )
    texts = {**files(), "tests/never.yml": tests}
    assert old in texts[name]
    with pytest.raises(PolicyInvalid) as raised:
        build(sources({**texts, name: texts[name].replace(old, new, 1)}), domain)
    assert {name} == {
        problem.where.file.removeprefix("policies/") for problem in raised.value.problems
    }
    assert expected == str(raised.value.problems[0].where)


def test_every_slip_of_a_finger_is_told_with_its_place():
    """Whatever character is left out or typed too much, the file is read or a place in it is named;
    the search for the mistake behind what the parser says never fails itself."""
    text = PAY.replace("why: Own pay.", "why: 'Own \"pay\".'").replace("period", "[period]")
    whole = f"version: 1\nrules:\n{text}"
    slips = [whole[:at] + whole[at + 1 :] for at in range(len(whole))]
    for typed in "\t\"']}:-*@\\ \n“":
        slips += [whole[:at] + typed + whole[at:] for at in range(0, len(whole), 3)]
    lines = [0]
    for slip in slips:
        problems = Problems()
        if parse("f.yml", slip.encode(), problems) is None:
            lines += [problem.where.line for problem in problems.errors()]
            assert 1 <= min(lines[1:]) <= max(lines) <= slip.count("\n") + 1
    assert len(lines) > 300
