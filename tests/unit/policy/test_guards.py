"""What an edit takes away from the policy tests is seen, however it is done."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gatehouse.policy import diff
from gatehouse.policy.diff.describe import comes_with
from gatehouse.policy.diff.summary import summary
from gatehouse.policy.four_eyes import verdict_of
from gatehouse.policy.guards import lost
from tests.unit.policy.conftest import PAY, TEST

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
HEAD = "version: 1\nunlisted: not_tested\npeople: {anna: {roles: employee}}\ntests:\n"
GUARDED = HEAD + (
    "- {name: Pay, people: anna, intents: [view_pay, view_bonus], at_most: step_up}\n"
    "- {name: Others, people: anna, intents: view_pay, given: {subject: anyone}, expect: deny}\n"
)


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("", ["Pay: step_up, now : 2", "Others: deny, now : 1"]),
        (GUARDED.replace("at_most: step_up", "at_most: allow"), ["Pay: step_up, now allow: 2"]),
        (GUARDED.replace("[view_pay, view_bonus]", "view_bonus"), ["Pay: step_up, now : 1"]),
        (GUARDED.replace("expect: deny", "at_most: step_up"), ["Others: deny, now step_up: 1"]),
        (
            GUARDED.replace("{subject: anyone}", "{subject: anyone, channel: kiosk}"),
            ["Others: deny, now : 1"],
        ),
        (GUARDED.replace("roles: employee", "roles: manager"), ["Pay: step_up, now : 2", "Others: deny, now : 1"]),
        # A promise that is only called otherwise, or is stricter, is kept.
        (GUARDED.replace("anna", "bob").replace("Pay", "Another name"), []),
        (GUARDED.replace("at_most: step_up", "at_most: deny"), []),
    ],
)  # fmt: skip
def test_what_is_given_up(tests, expected, compiled):
    """By taking away, loosening, moving to another situation or another person; and only that."""
    guarded = compiled(tests__pay=GUARDED)
    edited = compiled(tests__pay=tests) if tests else compiled()
    found = [f"{one.name}: {one.was}, now {one.now}: {len(one.questions)}" for one in lost(guarded, edited)]  # fmt: skip
    assert expected == found
    assert ("loosens" if expected else "same") == verdict_of(guarded, edited, NOW)
    assert ("loosens" if expected else "same") == diff.verdict(guarded, edited)


def test_what_is_not_listed_is_a_promise_too(compiled):
    """Switching it off for a file gives up every pair that it closed; naming a pair keeps it."""
    talk = "- {name: Talk, people: anna, groups: talk, expect: allow}\n"
    whole = GUARDED.replace("unlisted: not_tested\n", "") + talk
    before = compiled(tests__pay=whole)
    (one,) = lost(before, compiled(tests__pay=GUARDED))
    assert ("deny", ["approve", "back", "restart", "session_start"]) == (
        one.was,
        sorted(intent for _, intent in one.questions),
    )
    named = "- {name: Team, people: anna, intents: [approve], groups: command, expect: deny}\n"
    assert () == lost(before, compiled(tests__pay=GUARDED + named))


def test_what_opens_is_called_so(compiled):
    """An edit that opens and drops its test opens; one that closes and drops a test is not harmless."""
    rule = "  - {{id: x, why: For a reason., effect: {}, intents: view_pay, roles: employee}}\n"
    before = compiled(tests__pay=GUARDED)
    assert "widens" == verdict_of(before, compiled(rule.format("allow")), NOW)
    assert "loosens" == verdict_of(before, compiled(rule.format("deny")), NOW)
    assert "narrows" == verdict_of(before, compiled(rule.format("deny"), tests__pay=GUARDED), NOW)


@pytest.mark.parametrize(
    ("until", "expected"),
    [("2026-11-20", "words"), ("2026-11-24", "widens"), ("2027-01-31", "widens")],
)
def test_a_block_whose_time_is_over_is_taken_out_by_one(compiled, until, expected):
    """It forbids nothing any more; one that ended in the night, or will, still does for somebody."""
    block = (
        "  - {id: freeze, why: A freeze., effect: deny, intents: view_pay, roles: employee, "
        f"valid_until: {until}}}\n"
    )
    allow = "  - {id: own-pay, why: Pay., effect: allow, intents: view_pay, roles: employee}\n"
    found = verdict_of(compiled(allow + block), compiled(allow), NOW)
    assert expected == found if expected == "widens" else found in ("same", "words")


def test_diff_shows_it(project, run):
    """On the terminal and as JSON; `--no-widening` fails, because such an edit would wait."""
    draft = project / "draft"
    for path in (project / "policies").rglob("*.yml"):
        to = draft / path.relative_to(project / "policies")
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
    (draft / "tests" / "pay.yml").write_text(TEST.replace("expect: step_up", "at_most: allow"))
    words = ["diff", str(project / "policies"), str(draft)]
    result = run(*words)
    assert 0 == result.exit_code, result.output
    assert result.stdout.startswith("loosens: nobody gets more, but the policy tests forbid less")
    assert (
        "Pay: anna asking view_pay had to get a code or a refusal, now any answer" in result.stdout
    )
    found = json.loads(run(*words, "--json").stdout)
    assert ("loosens", "Pay") == (found["verdict"], found["tests"][0]["test"])
    assert 4 == run(*words, "--no-widening").exception.exit_code
    shown = run("report", "--directory", str(draft), "--since", str(project / "policies")).stdout
    assert "What the policy tests do not forbid any more" in shown


def test_the_preview_comes_before_the_tests_that_fail(project, run):
    """Whether the rule or the test is to be changed is decided by looking at what changes."""
    draft = project / "draft"
    (draft / "tests").mkdir(parents=True)
    for path in (project / "policies").rglob("*.yml"):
        (draft / path.relative_to(project / "policies")).write_bytes(path.read_bytes())
    opened = PAY.split("    step_up")[0]
    (draft / "case.yml").write_text(f"version: 1\nowner: tests\nrules:\n{opened}")
    result = run("diff", str(project / "policies"), str(draft))
    assert "+ more  view_pay: employee" in result.stdout
    assert 4 == result.exception.exit_code
    assert "expected step_up, got allow" in result.exception.message
    assert (
        0 == run("explain", "view_pay", "--role", "employee", "--directory", str(draft)).exit_code
    )


@pytest.mark.parametrize(
    ("old", "new", "was", "now"),
    [
        ("max_age: 5m", "max_age: 15m", "(max_age: 5 minutes)", "(max_age: 15 minutes)"),
        (
            "level: aal2",
            "level: aal1",
            "after a code that",
            "after a code, one by e-mail too, that",
        ),
    ],
)
def test_two_answers_that_differ_never_read_alike(old, new, was, now, compiled):
    """Who approves an edit of the terms sees which of them it is."""
    (row,) = summary(diff.compare(compiled(PAY), compiled(PAY.replace(old, new)))).rows
    assert (True, True) == (was in row.before, now in row.after)
    assert row.before != row.after


def test_other_accounts_in_the_matrix_are_said(compiled, files):
    """Nobody gets a role by `comes_with`, but the matrix that is signed is another one."""
    words = files()["vocabulary.yml"]
    changed = words.replace(
        "{about: Leads a team., comes_with: employee}", "{about: Leads a team.}"
    )
    found = diff.compare(compiled(), compiled(vocabulary=changed))
    assert ("words", (("manager", frozenset({"employee"}), frozenset()),)) == (
        found.verdict,
        found.accounts,
    )
    (sentence,) = comes_with(found)
    assert sentence.startswith("accounts with the role manager come with no other, before with emp")
