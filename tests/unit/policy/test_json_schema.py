"""The schemas with which an editor completes policy files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from gatehouse.policy import load_directory, read_domain
from gatehouse.policy.json_schema import schemas

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "policies"
FILES = sorted(path.relative_to(POLICIES) for path in POLICIES.rglob("*.yml"))


@pytest.fixture(scope="module")
def shipped():
    """The schemas of the assistant."""
    return schemas(load_directory(POLICIES, read_domain(ROOT / "domain.yml")).vocabulary)


def kind(file: Path) -> str:
    """The schema that is meant for a policy file."""
    if file.parent.name == "tests":
        return "tests.schema.json"
    named = file.stem if file.stem in ("vocabulary", "intents") else "rules"
    return f"{named}.schema.json"


def read(text: str) -> object:
    """A YAML document as an editor sees it: dates are texts."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(below) for key, below in value.items()}
        if isinstance(value, list):
            return [plain(below) for below in value]
        return value.isoformat() if isinstance(value, date) else value

    return plain(YAML(typ="safe").load(text))


def mistakes(shipped, text: str, name: str) -> list[str]:
    """What an editor would mark."""
    return [error.message for error in Draft7Validator(shipped[name]).iter_errors(read(text))]


def test_the_schemas_are_well_formed(shipped):
    """They are valid Draft-07 schemas."""
    for schema in shipped.values():
        Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_shipped_file_fits_and_names_its_schema(shipped, file):
    """No editor marks anything in them, and each first line leads to the right schema."""
    text = (POLICIES / file).read_text()
    assert [] == mistakes(shipped, text, kind(file))
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (POLICIES / "schema" / kind(file)) == (POLICIES / file).parent.joinpath(named).resolve()


RULE = """\
version: 1
owner: me
rules:
  - id: a-rule
    why: For a reason.
    effect: allow
    intents: [view_salary]
    roles: [employee]
    when: {subject: self, hours: "08:00-18:00", session_age: {max: 30m}}
    step_up: {level: aal2, max_age: 5m}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("view_salary", "view_salaries"),
        ("employee]", "employe]"),
        ("effect: allow", "effect: alow"),
        ("effect: allow", "effect: deny"),
        ("    roles: [employee]\n", ""),
        ("subject: self", "subjekt: self"),
        ("subject: self", "subject: me"),
        ("08:00-18:00", "8-18"),
        ("max: 30m", "max: 30 minutes"),
        ("level: aal2, ", ""),
        ("max_age: 5m", "max_age: 5m, bind: [colour]"),
        ("owner: me\n", ""),
        ("why: For a reason.", "why: ok"),
        ("    intents: [view_salary]\n", ""),
        ("effect: allow", "effect: allow\n    say: utter_refused_default"),
        ("effect: allow", "effect: allow\n    valid_until: tomorrow"),
    ],
)
def test_an_editor_marks_mistakes(shipped, old, new):
    """The rule fits as it stands, and not with any of these."""
    assert [] == mistakes(shipped, RULE, "rules.schema.json")
    assert [] != mistakes(shipped, RULE.replace(old, new, 1), "rules.schema.json")


def test_the_command_writes_once(project, run):
    """Files beside the rules; a second run finds nothing to write, and the rules are not touched."""
    before = run("check").stdout
    assert 4 == len(run("schema").stdout.splitlines())
    assert "" == run("schema").stdout
    assert before == run("check").stdout
    written = (project / "policies" / "schema" / "rules.schema.json").read_text()
    assert "view_pay" in json.dumps(json.loads(written)["properties"]["rules"])
    assert {"rules.schema.json", "tests.schema.json", "intents.schema.json"} < set(
        json.loads(run("schema", "--json").stdout)
    )
