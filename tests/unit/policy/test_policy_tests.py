"""Tests that compliance staff write beside their rules."""

from __future__ import annotations

import pytest

from gatehouse.policy import PolicyTestsFailed

HEAD = "version: 1\nunlisted: not_tested\npeople:\n  anna: {roles: employee}\n"
OPEN = "  - {id: pay, why: Open., effect: allow, intents: view_pay, roles: employee}\n"
CODE = OPEN.replace("}", ", step_up: {level: aal2, max_age: 5m}}")
SHUT = "  - {id: pay, why: Shut., effect: deny, intents: view_pay, say: utter_closed}\n"


def test(**keys: str) -> str:
    """A test file with one test about the pay of Anna."""
    entries = {"name": "Pay", "people": "anna", "intents": "view_pay", **keys}
    body = ", ".join(f"{key}: {value}" for key, value in entries.items())
    return f"{HEAD}tests:\n  - {{{body}}}\n"


test.__test__ = False  # type: ignore[attr-defined]


def outcome(compiled, rules: str, text: str) -> str:
    """`passed`, or the difference that the failed test shows."""
    try:
        compiled(rules, tests__case=text)
    except PolicyTestsFailed as failed:
        return str(failed.problems[0]).split(": ", 3)[3]
    return "passed"


@pytest.mark.parametrize(
    ("rules", "keys", "expected"),
    [
        (OPEN, {"expect": "allow"}, "passed"),
        (OPEN, {"expect": "deny"}, "expected deny, got allow by `pay` (Open.)"),
        (CODE, {"expect": "allow"}, "expected allow, got step_up by `pay` (Open.)"),
        (CODE, {"expect": "allow", "given": "{aal: 2, aal_age: 1m}"}, "passed"),
        (SHUT, {"expect": "deny", "because": "pay", "say": "utter_closed"}, "passed"),
        (
            SHUT,
            {"expect": "deny", "because": "talk"},
            "expected `talk` to decide, got deny by `pay`",
        ),
        (
            SHUT,
            {"expect": "deny", "say": "utter_refused"},
            "expected utter_refused, got utter_closed",
        ),
        (OPEN, {"at_most": "step_up"}, "expected at most step_up, got allow by `pay` (Open.)"),
        (CODE, {"at_most": "step_up"}, "passed"),
        (SHUT, {"at_most": "step_up"}, "passed"),
        (OPEN, {"at_most": "allow"}, "passed"),
    ],
)
def test_a_test_compares_the_decision(compiled, rules, keys, expected):
    """Effect, rule and response; exactly, or as an upper bound."""
    assert expected == outcome(compiled, rules, test(**keys))


GIVEN = [
    ("{channel: kiosk}", "{channel: kiosk}"),
    ("{network_zone: outside}", "{network_zone: outside}"),
    ('{hours: "20:00-24:00"}', '{at: "2027-06-01 21:00"}'),
    ("{session_age: {min: 2h}}", "{session_age: 3h}"),
    ("{confidence: {max: 0.5}}", "{confidence: 0.4}"),
    ("{refusals: {min: 3}}", "{refusals: 3}"),
    ("{failed_codes: {min: 3}}", "{failed_codes: 4}"),
    ("{served: greet}", "{served: [greet, inform]}"),
    ("{slots: {topic: pay}}", "{slots: {topic: pay}}"),
    ("{subject: anyone}", "{subject: anyone}"),
]


@pytest.mark.parametrize(("when", "given"), GIVEN)
def test_every_fact_can_be_given(compiled, when, given):
    """A rule about each fact matches in the situation that a test describes, and only there."""
    rules = OPEN + SHUT.replace("id: pay", "id: shut").replace("}", f", when: {when}}}")
    assert "passed" == outcome(compiled, rules, test(expect="deny", because="shut", given=given))
    assert "passed" == outcome(compiled, rules, test(expect="allow"))


def test_a_fact_can_be_unknown(compiled):
    """`unknown` takes a fact away, so that failing closed can be tested."""
    rules = OPEN.replace("}", ", when: {channel: web, subject: self}}").replace("{id", "{id", 1)
    for fact in ("channel", "subject"):
        stage = ", stage: resource" if fact == "subject" else ""
        given = f"{{unknown: {fact}{stage}}}"
        assert "passed" == outcome(compiled, rules, test(expect="deny", given=given))


def test_the_record_can_be_given(compiled):
    """Attributes of the record make it a question of the resource stage."""
    rules = (
        "  - {id: small, why: Small., effect: allow, intents: approve, roles: employee, "
        "when: {resource: {amount: {max: 100}}}}\n"
    )
    for amount, expected in ((100, "allow"), (101, "deny")):
        given = f"{{resource: {{amount: {amount}}}, subject: team}}"
        text = test(intents="approve", expect=expected, given=given)
        assert "passed" == outcome(compiled, rules, text)


def test_what_is_not_listed_must_be_denied(compiled):
    """A permission that no test names fails the load and names person and intent."""
    text = test(expect="allow").replace("unlisted: not_tested\n", "")
    assert "anna asks" in _first(compiled, OPEN, text)
    listed = text.replace("view_pay", "[view_pay, greet, inform, out_of_scope, nlu_fallback]")
    assert "passed" == outcome(compiled, OPEN, listed)


def _first(compiled, rules: str, text: str) -> str:
    with pytest.raises(PolicyTestsFailed) as failed:
        compiled(rules, tests__case=text)
    assert 4 == failed.value.exit_code
    return str(failed.value.problems[0])


def test_a_set_without_tests_is_warned_about(compiled):
    """It loads, and says that nothing guards it."""
    warnings = [str(warning) for warning in compiled(OPEN).warnings]
    assert ["policies/tests: there are no policy tests; they stop an edit that opens too much"] == (
        warnings
    )
