"""`gatehouse policy`, as a person at a terminal or a script sees it."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from gatehouse.cli.policy import policy
from gatehouse.cli.policy.terminal import broken
from gatehouse.errors import GatehouseError


def test_check_says_what_was_checked(run):
    """Counts and the revision on stdout, exit code 0."""
    result = run("check")
    assert (0, "ok: 4 rules for 10 intents and 3 roles, 1 tests passed") == (
        result.exit_code,
        result.stdout.splitlines()[0],
    )


def test_check_as_json(run):
    """The same for a script."""
    answer = json.loads(run("check", "--json").stdout)
    assert (True, 4, 1, []) == (
        answer["valid"],
        answer["rules"],
        answer["tests"],
        answer["problems"],
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("effect: allow", "effect: alow", 3, "unknown effect `alow`"),
        ("    step_up: {level: aal2, max_age: 5m, bind: period}\n", "", 4, "expected step_up"),
    ],
)
def test_check_tells_mistakes_from_failed_tests(project, run, old, new, code, message):
    """Exit code 3 for mistakes and 4 for failed tests, both with places."""
    path = project / "policies" / "case.yml"
    path.write_text(path.read_text().replace(old, new))
    result = run("check", "--json")
    found = json.loads(result.stdout)
    assert (code, False) == (result.exit_code, found["valid"])
    assert message in found["problems"][0]["message"]
    assert isinstance(run("check").exception, GatehouseError)
    assert code == run("check").exception.exit_code


def test_check_warns_of_a_rule_that_has_ended(project, run):
    """An ended rule is no mistake, but somebody may still believe in it."""
    path = project / "policies" / "case.yml"
    path.write_text(path.read_text() + "    valid_until: 2020-01-31\n")
    (project / "policies" / "tests" / "pay.yml").unlink()
    result = run("check")
    assert "the rule `pay` ended on 2020-01-31" in result.stderr
    assert 0 == result.exit_code


def test_matrix_shows_every_role_and_intent(run):
    """A row for each intent and a column for each role; a star where a situation matters."""
    rows = {line.split()[0]: line.split()[1:] for line in run("matrix").stdout.splitlines() if line}
    assert ["employee", "manager", "contractor"] == [rows_ for rows_ in _head(run)]
    assert (["code*", "code*", "-"], ["yes", "yes", "yes"], ["-", "-", "-"]) == (
        rows["view_pay"],
        rows["greet"],
        rows["restart"],
    )


def _head(run) -> list[str]:
    return run("matrix").stdout.splitlines()[0].split()


def test_matrix_for_other_programs(run):
    """CSV for a spreadsheet and JSON for a script hold the same cells."""
    lines = run("matrix", "--csv").stdout.splitlines()
    cells = json.loads(run("matrix", "--json").stdout)["cells"]
    assert "intent,about,protection,employee,manager,contractor" == lines[0]
    assert "view_pay,self,restricted,code*,code*,-" == lines[1]
    assert (10 * 3, "step_up", "pay") == (len(cells), cells[0]["effect"], cells[0]["rule"])


def test_explain_shows_every_rule_and_condition(run):
    """The decision, its terms, and why each rule that names the intent did or did not match."""
    lines = run("explain", "view_pay", "--role", "manager").stdout.splitlines()
    assert "step_up by `pay`: Own pay." == lines[0]
    assert "  needs aal2, not older than 300 s, bound to period, asked at_once" == lines[1]
    assert "allow   pay (policies/case.yml:4:5): matches" in lines
    assert "allow   rest (policies/rest.yml:4:5): is not about these roles" in lines
    assert "        yes         the channel is web" in lines


def test_explain_takes_a_situation(run):
    """The situation is written as in policy tests."""
    given = "{subject: team, unknown: channel}"
    answer = json.loads(
        run("explain", "view_pay", "--role", "employee", "--given", given, "--json").stdout
    )
    results = {item["rule"]: item["result"] for item in answer["considered"]}
    assert ("deny", "does not match") == (answer["decision"]["effect"], results["pay"])
    unknown = json.loads(
        run(
            "explain", "view_pay", "--role", "employee", "--given", "{unknown: channel}", "--json"
        ).stdout
    )
    results = {item["rule"]: item["result"] for item in unknown["considered"]}
    assert "does not match, because channel is not known" == results["pay"]
    assert ["channel"] == unknown["decision"]["indeterminate"]


def test_explain_shows_the_rules_of_another_meaning(run):
    """What a message may as well mean decides too, so its rules are explained as well."""
    given = "{confidence: 0.5, runners_up: {view_pay: 0.45, restart: 0.1}}"
    words = ("explain", "greet", "--role", "employee", "--given", given)
    lines = run(*words).stdout.splitlines()
    assert lines[0].startswith("step_up by `pay`: The message may also mean view_pay.")
    assert "may as well mean view_pay, which is more protected:" in lines
    assert "allow   pay (policies/case.yml:4:5): matches" in lines
    assert ["view_pay"] == list(json.loads(run(*words, "--json").stdout)["runners_up"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("explain", "view_pya", "--role", "employee"), "unknown intent"),
        (("explain", "view_pay", "--role", "employe"), "unknown role"),
        (("explain", "view_pay", "--role", "employee", "--given", "{chanel: web}"), "did you mean"),
        (("explain", "view_pay", "--role", "employee", "--given", "{"), "--given:"),
        (("check", "--domain", "none.yml"), "does not exist"),
        (("check", "--directory", "none"), "does not exist"),
    ],
)
def test_wrong_arguments_are_explained(run, words, message):
    """Each ends with an error that names what is wrong."""
    error = run(*words).exception
    assert isinstance(error, GatehouseError)
    assert (3, True) == (error.exit_code, message in error.diagnostics())


TOOLS = ("check", "matrix", "diff", "replay", "explain", "schema", "report", "new")


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_speaks_to_programs_too(name):
    """Each has --json, and help that says what it does."""
    command = policy.get_command(click.Context(policy), name)
    assert command is not None
    assert "--json" in {option for one in command.params for option in one.opts}
    assert command.help


def test_the_command_needs_no_framework():
    """Neither Rasa nor the web server nor a database is imported."""
    code = (
        "import importlib, sys, gatehouse.cli.policy as policy;"
        "[importlib.import_module(f'gatehouse.cli.policy.{n}') for n in policy.COMMANDS];"
        "print([n for n in ('rasa', 'rasa_sdk', 'sanic', 'sqlalchemy') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == ran.stdout.strip()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+ more  one, two, three, four, five", ["+ more  one, two, three,", "        four, five"]),
        ("        was   allowed, after a code", ["        was   allowed,", "              after a", "              code"]),
        ("    a sentence that is long enough to break", ["    a sentence that is", "    long enough to break"]),
        ("short", ["short"]),
    ],
)  # fmt: skip
def test_a_long_line_is_broken_under_its_text(line, expected):
    """So that a comparison can be read in a narrow terminal."""
    assert expected == broken(line, 24)
