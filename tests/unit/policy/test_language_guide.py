"""Every example of docs/policy-language.md is run, and every clause of the language has one."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatehouse.policy import PolicyInvalid, PolicySet, conditions, read_domain, rules, situations
from gatehouse.policy.loader import build
from gatehouse.policy.sources import Sources

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "policy-language.md").read_text(encoding="utf-8")
DOMAIN = read_domain(ROOT / "domain.yml")
# Covers every intent without allowing anything to the people of the examples.
BASE = """\
version: 1
owner: guide
rules:
  - id: base
    why: Covers the rest.
    effect: allow
    intents: [{intents}]
    roles: [auditor]
    when: {{subject: nobody, session_age: {{min: 9d}}}}
"""
PEOPLE = """\
version: 1
unlisted: not_tested
people:
  employee: {roles: [employee], employment_type: employee}
  finance_employee: {roles: [employee], department: Finance, employment_type: employee}
  manager: {roles: [employee, manager], employment_type: employee}
  hr_admin: {roles: [employee, hr_admin], employment_type: employee}
  contractor: {roles: [contractor], employment_type: contractor}
  auditor: {roles: [auditor], employment_type: employee}
  compliance: {roles: [employee, compliance], employment_type: employee}
tests:
"""


@dataclass(frozen=True)
class Example:
    """One section: the clauses of its heading, the words it changes, its rules and its tests."""

    heading: str
    words: str
    rules: str
    tests: str

    @property
    def clauses(self) -> set[str]:
        return set(re.findall(r"`(\w+)`", self.heading))


def examples() -> list[Example]:
    """Every section with a heading of the third level."""
    found = []
    for part in re.split(r"^### ", GUIDE, flags=re.MULTILINE)[1:]:
        section = re.split(r"^## ", part, flags=re.MULTILINE)[0]
        blocks = re.findall(r"^```yaml\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)
        words = [block for block in blocks if block.startswith("# vocabulary.yml\n")]
        written, tested = [block for block in blocks if block not in words]
        found.append(Example(section.splitlines()[0], "".join(words), written, tested))
    return found


EXAMPLES = examples()


def compiled(example: Example, *, with_rules: bool = True, with_tests: bool = True) -> PolicySet:
    """The policies of an example: the shipped words, its rules and its tests."""
    folder = ROOT / "policies"
    vocabulary = (folder / "vocabulary.yml").read_text(encoding="utf-8")
    for key in re.findall(r"^(\w+):", example.words, re.MULTILINE):
        vocabulary = re.sub(
            rf"^{key}:.*?(?=^\S|\Z)", "", vocabulary, flags=re.DOTALL | re.MULTILINE
        )
    files = {
        "vocabulary.yml": vocabulary + example.words,
        "intents.yml": (folder / "intents.yml").read_text(encoding="utf-8"),
        "base.yml": BASE.format(intents=", ".join(sorted(DOMAIN.intents))),
    }
    if with_rules:
        head = "version: 1\nowner: guide\nrules:\n"
        files["example.yml"] = head + textwrap.indent(example.rules, "  ")
    if with_tests:
        tests = re.sub(r"^  because: .*\n", "", example.tests, flags=re.MULTILINE)
        files["tests/example.yml"] = PEOPLE + textwrap.indent(
            example.tests if with_rules else tests, "  "
        )
    return build(Sources("policies", {name: text.encode() for name, text in files.items()}), DOMAIN)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.heading)
def test_an_example_does_what_it_says(example: Example) -> None:
    """Its rules load and its tests pass; without the rules at least one of them fails."""
    assert compiled(example).tested > 0
    with pytest.raises(PolicyInvalid) as raised:
        compiled(example, with_rules=False)
    assert {"test"} == {problem.kind for problem in raised.value.problems}


def test_every_clause_has_an_example() -> None:
    """Also one that is added tomorrow: each key of a rule, of its conditions and of its step-up."""
    documented = set().union(*(example.clauses for example in EXAMPLES))
    keys = {*rules.KEYS, *conditions.KEYS, "level", "max_age", "bind", "ask"} - {"when"}
    assert set() == keys - documented
    for example in EXAMPLES:
        for clause in example.clauses & set(conditions.KEYS):
            assert re.search(rf"\b{clause}:", example.rules), (example.heading, clause)


def test_every_fact_of_a_test_is_described() -> None:
    """The keys of `given` are all in the section about tests."""
    section = GUIDE.split("\n## Tests\n")[1].split("\n## ")[0]
    assert set() == set(situations.KEYS) - set(re.findall(r"`(\w+)`", section))


def test_the_retention_example_is_true() -> None:
    """The duration of the class is that of the example."""
    example = next(item for item in EXAMPLES if item.heading == "`retention`")
    assert 7200 == compiled(example).retention_of("view_salary")
