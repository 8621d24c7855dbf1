"""What the comparison of two policies says, and the command that shows it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady
from gatehouse.policy.diff import TooLarge, compare, verdict
from gatehouse.policy.diff.describe import answer_words, example, when, who
from gatehouse.policy.diff.summary import summary
from gatehouse.policy.history import History
from gatehouse.policy.loader import build
from gatehouse.policy.sources import Sources

OPEN = "  - {id: pay, why: Own pay., effect: allow, intents: view_pay, roles: employee}\n"
CODE = OPEN.replace("}", ", step_up: {level: aal2, max_age: 5m}}")
HOURS = (
    '  - {id: closed, why: Later., effect: deny, intents: view_pay, when: {hours: "18:00-08:00"}}\n'
)
RECORD = (
    "  - {id: small, why: Small., effect: allow, intents: approve, roles: manager, "
    "when: {subject: team, resource: {amount: {max: 100}}}}\n"
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (OPEN, OPEN, "same"),
        ("", OPEN, "widens"),
        (OPEN, "", "narrows"),
        (OPEN, CODE, "narrows"),
        (CODE, CODE.replace("5m", "10m"), "widens"),
        (CODE, CODE.replace("5m", "10m, bind: period"), "mixed"),
        (OPEN, OPEN.replace("view_pay", "view_bonus"), "mixed"),
        (OPEN, OPEN + HOURS, "narrows"),
        (OPEN + HOURS, OPEN + HOURS.replace("18:00", "17:00"), "narrows"),
        (OPEN, OPEN.replace("Own pay.", "Other words."), "words"),
        (RECORD, RECORD.replace("100", "120"), "widens"),
    ],
)
def test_the_verdict_says_what_an_edit_amounts_to(compiled, before, after, expected):
    """More for anybody widens, less narrows; texts alone do neither."""
    assert expected == verdict(compiled(before), compiled(after))


def test_a_change_is_told_in_plain_words(compiled):
    """For whom, when, what it was and becomes, and one request as an example."""
    found = compare(compiled(OPEN), compiled(OPEN + HOURS))
    row = next(one for one in summary(found).rows if "view_pay" in one.intents)
    assert ("narrows", "employee, manager") == (row.direction, row.who)
    assert ("the time in Europe/Berlin is 18:00 to 08:00 (or it is not known)",) == row.when
    assert "allowed, by pay" == row.before
    assert "refused with utter_refused, by closed" == row.after
    assert "an employee asks for view_pay on " in row.example
    assert "also with the record" == row.also


def test_a_change_in_the_record_is_found_and_explained(compiled):
    """An attribute of the record matters only once the record is at hand."""
    (change,) = compare(compiled(RECORD), compiled(RECORD.replace("100", "120"))).changes
    assert ("resource", "manager") == (change.stage, who(change))
    between = "amount is at most 120 but not: amount is at most 100"
    assert sorted(["it is about the data of their team", between]) == sorted(when(change))
    assert "a manager asks for approve when the amount is 120" in example(change)
    assert "allowed, by small" == answer_words(change.after)


def test_an_earlier_refusal_with_a_condition_still_counts(compiled):
    """Which of two refusals is told depends on their order, and is not overlooked."""
    broad = "  - {id: shut, why: Shut., effect: deny, intents: [view_pay, view_bonus]}\n"
    exact = (
        "  - {id: exact, why: Exact., effect: deny, intents: view_pay, say: utter_closed, "
        "when: {channel: kiosk}}\n"
    )
    found = compare(compiled(OPEN + broad), compiled(OPEN + broad + exact))
    clear = [change for change in found.changes if not change.runner_up]
    assert {"utter_closed"} == {change.after.say for change in clear}
    assert "words" == found.verdict


def test_a_new_role_and_a_longer_retention_widen(domain, files, sources):
    """Who is let in by `roles: any`, and what is kept longer, is no smaller matter than a rule."""
    texts = files(OPEN.replace("roles: employee", "roles: any"))
    before = build(sources(texts), domain)
    roles = texts["vocabulary.yml"].replace("roles:\n", "roles:\n  guest: {about: A guest.}\n")
    after = build(sources({**texts, "vocabulary.yml": roles}), domain)
    opened = [change for change in compare(before, after).changes if change.intent == "view_pay"]
    assert {("widens", "guest")} == {(change.direction, who(change)) for change in opened}
    greet = {
        name: texts["intents.yml"].replace("greet: {", f"greet: {{retention: {name}, ")
        for name in ("brief", "long")
    }
    shorter, longer = (
        build(sources({**texts, "intents.yml": intents}), domain) for intents in greet.values()
    )
    assert ("widens", "narrows") == (verdict(shorter, longer), verdict(longer, shorter))
    assert ("widens", "narrows") == (verdict(shorter, before), verdict(before, shorter))


def test_what_cannot_be_compared_is_refused(compiled):
    """Too many cases, too many names, a condition that cannot be looked into: never a guess."""
    one, other = compiled(OPEN), compiled(CODE + HOURS)
    with pytest.raises(TooLarge, match="more than can be compared exactly"):
        compare(one, other, most_cases=5)
    (rule,) = (rule for rule in other.rules if rule.id == "closed")
    blind = replace(rule, clauses=(replace(rule.clauses[0], cuts=None),))
    unknown = type(other)(other.vocabulary, [blind], "x")
    with pytest.raises(TooLarge, match="cannot be compared"):
        compare(one, unknown)


@pytest.fixture
def draft(project):
    """A copy of the policies of the project in which pay needs no code any more."""
    shutil.copytree(project / "policies", project / "draft")
    path = project / "draft" / "case.yml"
    text = path.read_text()
    path.write_text(text[: text.index("    step_up:")])
    (project / "draft" / "tests" / "pay.yml").unlink()
    return project / "draft"


def test_the_command_compares_two_directories(project, draft, run):
    """The verdict first, then every change with its example."""
    result = run("diff", str(project / "policies"), str(draft))
    assert 0 == result.exit_code, result.output
    lines = result.stdout.splitlines()
    assert "widens: somebody gets more, nobody gets less" == lines[0]
    assert "+ more  view_pay: employee, manager (also with the record)" in lines
    assert "        now   allowed, by pay" in lines


def test_the_command_gives_json_and_a_gate(project, draft, run):
    """Every change for a script; `--no-widening` ends with 4, an unknown revision with 3."""
    words = ("diff", str(project / "policies"), str(draft), "--json")
    found = json.loads(run(*words).stdout)
    assert "widens" == found["verdict"]
    clear = [change for change in found["changes"] if not change["runner_up"]]
    assert {("view_pay", "widens")} == {(one["intent"], one["verdict"]) for one in clear}
    gate = run(*words, "--no-widening").exception
    assert isinstance(gate, GatehouseError)
    assert 4 == gate.exit_code
    assert 0 == run("diff", str(draft), str(project / "policies"), "--no-widening").exit_code
    assert isinstance(run("diff", "previous").exception, NotReady)


def test_revisions_that_were_in_force_are_kept(project, tmp_path, files, run):
    """They are found by name or by the beginning of their number, and read only unaltered."""
    history = History(project / "var" / "policy" / "history")
    first, second = (
        Sources("policies", {name: text.encode() for name, text in files(rules).items()})
        for rules in (OPEN, CODE)
    )
    with pytest.raises(NotReady):
        history.find("in-force")
    history.keep(first)
    with pytest.raises(InvalidInput, match="no previous"):
        history.find("previous")
    os.utime(project / "var" / "policy" / "history" / first.revision, (1, 1))
    history.keep(second)
    assert (second.revision, first.revision) == (
        history.find("in-force"),
        history.find("previous"),
    )
    assert first.revision == history.find(first.revision[:8])
    assert first.files == history.load(first.revision).files
    for wrong in ("ffffffff", first.revision[:3]):
        with pytest.raises(InvalidInput, match="no accepted revision"):
            history.find(wrong)
    assert "narrows" == json.loads(run("diff", "previous", "in-force", "--json").stdout)["verdict"]
    (project / "var" / "policy" / "history" / first.revision).write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        history.load(first.revision)


def test_only_the_newest_revisions_are_kept(tmp_path, monkeypatch):
    """The history does not grow without end."""
    monkeypatch.setattr("gatehouse.policy.history.MOST_KEPT", 2)
    history = History(tmp_path)
    for number in range(4):
        history.keep(Sources("policies", {"a.yml": str(number).encode()}))
    assert 2 == len(history.accepted())
