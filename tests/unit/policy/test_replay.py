"""Recorded decisions, decided again under other rules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.audit import AuditLog
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.policy import PolicySet, Request
from gatehouse.policy.recorded import recorded, requests
from gatehouse.policy.replay import OLD, ROUNDED, replay
from tests.unit.policy.test_properties import REQUESTS, SETS, numbered

OPEN = "  - {id: pay, why: Own pay., effect: allow, intents: view_pay, roles: employee}\n"
CODE = OPEN.replace("}", ", step_up: {level: aal2, max_age: 5m}}")
SMALL = (
    "  - {id: small, why: Small., effect: allow, intents: approve, roles: employee, "
    "when: {resource: {amount: {max: 100}}}}\n"
)
DENY = "  - {id: not-now, why: Not now., effect: deny, intents: view_pay, when: "
SHUT = (
    "  - {id: shut, why: Shut., effect: deny, intents: view_pay, when: {network_zone: outside}}\n"
)


def entry(policies: PolicySet, request: Request, **more: object) -> str:
    """The audit entry of a decision, as the checkpoint writes it."""
    decision = policies.decide(request)
    facts = {
        "kind": "decision",
        "at": request.at.isoformat() if request.at else None,
        "intent": request.intent,
        "stage": request.stage,
        "effect": decision.effect,
        "rule": decision.rule,
        "revision": policies.revision,
        "aal": request.aal,
        **recorded(request, policies.facts),
    }
    return json.dumps({**facts, **more})


def test_only_what_would_be_different_is_reported(compiled, ask):
    """With what it was, what it would be, how often, and the last such entry."""
    before, after = compiled(OPEN), compiled(OPEN + SHUT)
    inside, outside = ask(), ask(network_zone="outside")
    log = [entry(before, one) for one in (inside, outside, inside, outside)]
    found = replay(after, enumerate(log, start=1))
    assert (4, 2, 0) == (found.decisions, found.same, found.not_replayed.total())
    ((kind, count),) = found.changed.items()
    assert (2, "allow", "pay", "deny", "shut") == (
        count,
        kind.was,
        kind.was_rule,
        kind.now,
        kind.now_rule,
    )
    assert 4 == found.last[kind][0]


def test_a_code_that_was_given_is_no_difference(compiled, ask):
    """The entry says what was decided before the code as well as what came of it."""
    policies = compiled(CODE)
    log = entry(policies, ask(), effect="allow", decided="step_up")
    assert 1 == replay(policies, [(1, log)]).same


@pytest.mark.parametrize(
    ("rules", "facts", "reason"),
    [
        (
            SMALL,
            {"intent": "approve", "resource": {"amount": 50}},
            "resource.amount is not recorded",
        ),
        (OPEN + DENY + "{refusals: {min: 3}}}\n", {"refusals": None}, "refusals is not recorded"),
        (OPEN + DENY + "{slots: {topic: pay}}}\n", {}, "slots.topic is not recorded"),
        (OPEN + DENY + "{session_age: {min: 90s}}}\n", {"session_age": 80.0}, ROUNDED),
    ],
)
def test_what_the_record_lacks_is_counted_and_not_guessed(compiled, ask, rules, facts, reason):
    """A decision that hangs on a fact that is not kept is not made again."""
    policies = compiled(rules)
    found = replay(policies, [(1, entry(policies, ask(**facts)))])
    assert {reason: 1} == dict(found.not_replayed)


def test_entries_from_before_and_of_other_kinds(compiled, ask):
    """Old decision records are counted, other entries are passed over."""
    policies = compiled(OPEN)
    old = json.loads(entry(policies, ask()))
    del old["facts"]
    log = [json.dumps(old), json.dumps({"kind": "sign_in", "reason": "decision"})]
    assert {OLD: 1} == dict(replay(policies, enumerate(log)).not_replayed)
    with pytest.raises((ValueError, KeyError)):
        replay(policies, [(1, '{"kind": "decision", "facts": 1}')])


@settings(max_examples=60, deadline=None, database=None)
@given(bodies=SETS, asked=st.lists(REQUESTS, min_size=5, max_size=15))
def test_a_record_replayed_under_its_own_rules_is_the_same(compiled, bodies, asked):
    """Whatever the rules and the request: the same, or honestly not replayable; never different."""
    policies = compiled("".join(numbered(bodies)))
    for request in asked:
        if request.at is None:
            continue  # the log always has a time
        if request.stage == "intent":
            request = replace(request, subject=None)
        found = replay(policies, [(1, entry(policies, request))])
        assert 0 == found.changed.total(), request
        assert 1 == found.decisions


def test_no_text_slot_or_attribute_is_recorded(ask):
    """Values that could say something about a person stay out of the log."""
    request = ask(slots={"topic": "SECRET"}, resource={"amount": 77123, "country": "SECRET"})
    kept = json.dumps(recorded(request, ()))
    assert not any(word in kept for word in ("SECRET", "77123", "p-1", "amount", "topic"))
    assert all(
        one.slots == {} and one.resource == {} for one in requests(json.loads(entry_of(kept)))
    )


def entry_of(kept: str) -> str:
    """An audit entry with these facts."""
    head = {"at": "2027-03-03T09:00:00Z", "intent": "view_pay", "stage": "resource"}
    return json.dumps({**head, **json.loads(kept)})


def test_the_command_reads_the_audit_log(project, run, ask):
    """The decisions of a period, under the policies of a directory; nothing is written."""
    engine = open_engine(f"sqlite:///{project}/var/audit.db")
    log = AuditLog(engine, SettableClock(1_800_000_000), b"k" * 32)
    log.create()
    facts = recorded(ask("view_pay", subject="self"), ())
    head = {"intent": "view_pay", "stage": "resource", "rule": "pay", "aal": 1}
    log.append("decision", effect="allow", **head, **facts)
    log.append("sign_in")
    engine.dispose()
    before = (project / "var" / "audit.db").read_bytes()
    found = json.loads(run("replay", "--json").stdout)
    assert (1, 0) == (found["decisions"], found["same"])
    assert ("allow", "step_up") == (
        found["changed"][0]["was"]["effect"],
        found["changed"][0]["now"]["effect"],
    )
    text = run("replay").stdout
    assert "was allowed by pay, would be after a code by pay" in text
    assert 0 == json.loads(run("replay", "--json", "--until", "2001-01-01").stdout)["decisions"]
    assert run("replay", "--since", "2027-01-02", "--until", "2027-01-01").exception
    assert before == (project / "var" / "audit.db").read_bytes()


def test_without_a_log_the_command_says_where_it_begins(run, project):
    """A deployment that has recorded nothing yet is no deployment whose log is damaged."""
    result = run("replay")
    assert (6, "there is no audit log yet") == (
        result.exception.exit_code,
        result.exception.message,
    )
    assert not (project / "var").exists()
