"""`gatehouse policy new`: a rule to start from."""

from __future__ import annotations

import json

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.policy.diff import verdict

DENY = ("new", "closed", "--intent", "view_bonus", "--say", "utter_closed")


@pytest.fixture
def read(project, domain):
    """The policies of the project."""
    from gatehouse.policy import load_directory

    return lambda: load_directory(project / "policies", domain)


@pytest.mark.parametrize(
    "words",
    [
        (*DENY, "--hours", "18:00-08:00", "--weekdays", "mon-fri", "--file", "new.yml"),
        (*DENY, "--from", "2027-01-01", "--until", "2027-02-01", "--file", "case.yml"),
        (*DENY, "--except-role", "manager", "--subject", "self", "--file", "case.yml"),
        [
            "new",
            "code",
            "--effect",
            "step_up",
            "--group",
            "pay",
            "--network-zone",
            "outside",
            "--file",
            "new.yml",
        ],
        [
            "new",
            "open",
            "--effect",
            "allow",
            "--intent",
            "approve",
            "--role",
            "employee",
            "--file",
            "case.yml",
        ],
    ],
)
def test_a_new_rule_passes_the_check_and_opens_nothing(run, read, words):
    """Whatever is asked for, the directory stays valid and nobody gets more."""
    before = read()
    result = run(*words)
    assert 0 == result.exit_code, result.exception
    assert verdict(before, read()) in ("same", "words", "narrows")
    added = len(read().rules) - len(before.rules)
    assert (0 if "allow" in words else 1) == added


def test_a_printed_rule_may_break_a_test_and_says_so(run):
    """Who wants it will have to change the test with it."""
    result = run("new", "shut", "--intent", "view_pay")
    assert "expected step_up, got deny by `shut`" in result.stderr
    assert "- id: shut" in result.stdout


def test_a_rule_that_allows_is_a_comment(run, project):
    """Somebody has to take the comment away."""
    text = run("new", "open", "--effect", "allow", "--intent", "approve").stdout
    assert "# - id: open" in text
    assert all(line.lstrip().startswith("#") for line in text.splitlines())
    assert not (project / "policies" / "open.yml").exists()


def test_a_rule_about_everybody_says_so_in_the_words_of_the_language(run):
    """`--role any` is everybody, not a role of this name."""
    words = ("--intent", "approve", "--role", "any")
    assert "    roles: any\n" in run("new", "closed", *words).stdout
    assert "  #   roles: any\n" in run("new", "open", "--effect", "allow", *words).stdout


def test_what_is_printed_is_not_written(run, project, read):
    """Without --file nothing changes."""
    before = read().revision
    assert "- id: closed" in run(*DENY).stdout
    assert "closed" == json.loads(run(*DENY, "--json").stdout)["rule"]
    assert before == read().revision


@pytest.mark.parametrize(
    "words",
    [
        ("new", "closed"),
        ("new", "closed", "--intent", "view_pya"),
        ("new", "pay", "--intent", "view_pay", "--file", "case.yml"),
        ("new", "Closed!", "--intent", "view_pay", "--file", "new.yml"),
        (*DENY, "--file", "../outside.yml"),
        (*DENY, "--file", "vocabulary.yml"),
        (*DENY, "--hours", "never", "--file", "new.yml"),
        ("new", "open", "--effect", "allow", "--intent", "approve", "--file", "new.yml"),
        ("new", "open", "--effect", "allow", "--intent", "approve", "--role", "chef"),
        ("new", "open", "--effect", "allow", "--intent", "approve", "--hours", "never"),
        ("new", "pay", "--effect", "allow", "--intent", "view_pay", "--file", "case.yml"),
        ("new", "shut", "--group", "talk", "--file", "new.yml", "--say", "utter_nothing"),
    ],
)
def test_a_rule_that_is_not_right_is_not_written(run, project, read, words):
    """The mistake is explained and every file is as it was."""
    before = read().revision
    error = run(*words).exception
    assert isinstance(error, GatehouseError)
    assert error.exit_code in (3, 4)
    assert before == read().revision
    assert not (project / "outside.yml").exists()


def test_a_rule_that_breaks_a_test_is_not_written(run, project, read):
    """The policy tests guard the new rule like any other edit."""
    words = ("new", "shut", "--intent", "view_pay", "--file", "new.yml")
    error = run(*words).exception
    assert isinstance(error, GatehouseError)
    assert 4 == error.exit_code
    assert not (project / "policies" / "new.yml").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["y", "--group", "pay"], "`y` is no name for a rule"),
        (["Über", "--group", "pay"], "`Über` is no name for a rule"),
        (["never", "--group", "pay"], "there is a rule `never`, at policies/closed.yml:4:5"),
        (
            ["new-one", "--group", "pya"],
            "the new rule groups[0]: unknown group `pya`; did you mean",
        ),
        (
            ["new-one", "--effect", "allow", "--role", "boss", "--group", "pay"],
            "the new rule roles[0]: unknown role `boss`",
        ),
    ],
)
def test_a_mistake_is_not_looked_for_in_a_file_that_is_not_there(words, expected, run):
    """What is wrong is said of the name, of the rule, or of the file that has the name."""
    result = run("new", *words)
    assert 3 == result.exception.exit_code
    assert expected in result.exception.message
