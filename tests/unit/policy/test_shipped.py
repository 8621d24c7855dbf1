"""The policies that come with the assistant, on its real domain."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gatehouse.policy import Principal, Request, load_directory, read_domain
from gatehouse.policy.domain import BUILT_IN_INTENTS
from gatehouse.policy.loader import build
from gatehouse.policy.sources import Sources

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "policies"
NOW = datetime(2027, 3, 3, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
ROLES = {
    "employee": {"employee"},
    "manager": {"employee", "manager"},
    "hr_admin": {"employee", "hr_admin"},
    "contractor": {"contractor"},
    "auditor": {"auditor"},
}
EVERYBODY = (
    "greet thank goodbye affirm deny cancel repeat ask_if_bot ask_capabilities out_of_scope inform "
    "nlu_fallback resume_request view_next_holiday end_conversation speak_to_person view_stored_data "
    "view_sessions sign_out_everywhere ask_hr_topic act_for_somebody need_support ask_why"
)
OWN = (
    "view_next_pay_date view_leave_balance view_leave_taken request_leave view_leave_status withdraw_leave "
    "view_health_cover change_health_plan transfer_retirement_plan reset_second_factor "
    "report_security_incident"
)
CODE = "export_stored_data erase_stored_data"
OWN_CODE = (
    "view_salary view_payslip view_tax_withholding view_tax_form "
    "view_personal_details change_bank_account change_address"
)
ALLOWED = {
    "employee": OWN,
    "manager": f"{OWN} view_team_leave approve_leave",
    "hr_admin": f"{OWN} view_salary_bands",
    "contractor": "reset_second_factor report_security_incident",
    "auditor": "report_security_incident",
}
STEPPED = {
    "employee": OWN_CODE,
    "manager": OWN_CODE,
    "hr_admin": f"{OWN_CODE} look_up_person",
    "contractor": "change_address view_personal_details",
    "auditor": "",
}


@pytest.fixture(scope="module")
def shipped_domain():
    """The domain of the assistant."""
    return read_domain(ROOT / "domain.yml")


@pytest.fixture(scope="module")
def shipped(shipped_domain):
    """The policies of the assistant."""
    return load_directory(POLICIES, shipped_domain)


def question(role: str, intent: str, **facts: object) -> Request:
    """What `role` asks at the intent stage on a working day."""
    base = {"session_age": 60.0, "channel": "web", "network_zone": "internal", "aal": 1}
    return Request(
        principal=Principal("p-1", frozenset(ROLES[role]), "Finance", "employee"),
        intent=intent,
        at=NOW,
        runners_up=(),
        **{"stage": "intent", **base, **facts},
    )


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_do_exactly_what_is_listed(shipped, role):
    """The complete matrix: allowed, allowed after a code, and everything else refused."""
    allowed = set(f"{EVERYBODY} {ALLOWED[role]}".split())
    stepped = set(f"{CODE} {STEPPED[role]}".split())
    expected = {
        intent: "allow" if intent in allowed else "step_up" if intent in stepped else "deny"
        for intent in shipped.intents
    }
    got = {intent: shipped.decide(question(role, intent)).effect for intent in shipped.intents}
    assert expected == got


def test_every_intent_of_the_domain_is_described(shipped, shipped_domain):
    """No intent is left out, and the framework's own are refused or harmless."""
    assert shipped_domain.intents == frozenset(shipped.intents)
    commands = BUILT_IN_INTENTS - {"out_of_scope", "nlu_fallback"}
    says = {shipped.decide(question("hr_admin", name)).say for name in commands}
    assert {"utter_refused_command"} == says


@pytest.mark.parametrize(
    ("role", "intent", "bind", "ask"),
    [
        ("employee", "view_salary", (), "at_once"),
        ("employee", "view_payslip", ("period",), "at_once"),
        ("employee", "view_tax_form", ("year",), "at_once"),
        ("employee", "change_bank_account", ("iban",), "at_confirmation"),
        ("contractor", "change_address", ("city", "postcode", "street"), "at_confirmation"),
        ("hr_admin", "look_up_person", ("person",), "at_once"),
        ("auditor", "erase_stored_data", (), "at_once"),
    ],
)
def test_the_code_is_bound_to_the_request(shipped, role, intent, bind, ask):
    """What is approved with the code, and when it is asked for."""
    terms = shipped.decide(question(role, intent)).step_up
    assert ("aal2", 300, bind, ask) == (terms.level, terms.max_age, terms.bind, terms.ask)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_gets_the_salary_of_a_colleague(shipped, role):
    """With a fresh code, at both stages, whoever it is about."""
    for facts in ({}, {"stage": "resource", "subject": "anyone"}, {"subject": "self"}):
        decision = shipped.decide(
            question(role, "view_colleague_salary", aal=2, aal_age=1, **facts)
        )
        assert ("deny", "utter_refused_colleague_salary") == (decision.effect, decision.say)


def test_slots_that_people_fill_are_known(shipped_domain):
    """Those of entities, intents and forms, so that none of them can be declared trusted; the one that
    nothing but an action sets is not among them."""
    assert {"shown_request"} == shipped_domain.slots - shipped_domain.spoken_slots


def test_every_response_is_one_the_assistant_has(shipped, shipped_domain):
    """Also those of the rules that are ready to use."""
    text = "".join(path.read_text() for path in POLICIES.glob("*.yml"))
    named = set(re.findall(r"\b(utter_\w+)", text))
    assert set() == named - shipped_domain.responses


READY = re.findall(r"^  # - id: (\S+)\n", (POLICIES / "restrictions.yml").read_text(), re.MULTILINE)


def switched_on(rule: str) -> Sources:
    """The shipped files with the ready rule `rule` uncommented, as a person would do it."""
    text = (POLICIES / "restrictions.yml").read_text()
    lines = text.splitlines(keepends=True)
    start = lines.index(f"  # - id: {rule}\n")
    end = next(n for n in range(start, len(lines) + 1) if n == len(lines) or lines[n] == "\n")
    for number in range(start, end):
        lines[number] = lines[number].replace("# ", "", 1)
    files = {str(path.relative_to(POLICIES)): path.read_bytes() for path in POLICIES.rglob("*.yml")}
    return Sources("policies", {**files, "restrictions.yml": "".join(lines).encode()})


@pytest.mark.parametrize("rule", READY)
def test_a_ready_rule_works_without_any_other_edit(shipped, shipped_domain, rule):
    """Removing the `# ` is enough: the files are valid and the policy tests pass."""
    policies = build(switched_on(rule), shipped_domain)
    assert len(shipped.rules) + 1 == len(policies.rules)
    assert rule in {item.id for item in policies.rules}


@pytest.mark.parametrize("role", ["contractor", "auditor"])
@pytest.mark.parametrize(
    "intent", ["view_next_pay_date", "view_leave_balance", "view_health_cover"]
)
def test_contractors_and_auditors_hear_why(shipped, role, intent):
    """The words are theirs, as long as nobody closes the request for everybody."""
    assert f"utter_refused_{role}" == shipped.decide(question(role, intent)).say


@pytest.mark.parametrize("subject", ["self", "anyone"])
def test_managers_hear_why_it_is_another_team(shipped, subject):
    """Neither their own leave nor that of another team; the reason is said."""
    asked = question("manager", "approve_leave", stage="resource", subject=subject)
    decision = shipped.decide(asked)
    assert ("deny", "utter_refused_not_your_team") == (decision.effect, decision.say)


@pytest.mark.parametrize(
    "group", ["salary", "pay", "leave", "benefits", "bank_account", "address", "people", "team"]
)
def test_a_block_of_a_group_needs_no_other_edit(shipped_domain, group):
    """In a hurry one rule is enough: no policy test holds up what only closes something."""
    block = (
        "version: 1\nowner: tests\nrules:\n  - id: closed\n    why: Closed for now.\n"
        f"    effect: deny\n    groups: [{group}]\n    say: utter_refused_later\n"
    )
    files = {str(path.relative_to(POLICIES)): path.read_bytes() for path in POLICIES.rglob("*.yml")}
    policies = build(Sources("policies", {**files, "closed.yml": block.encode()}), shipped_domain)
    closed = {name for name, about in policies.intents.items() if group in about.groups}
    assert closed
    assert {"deny"} == {policies.decide(question("manager", name)).effect for name in closed}


def test_the_examples_of_the_guide_are_valid(shipped_domain):
    """The rule and the test of `policies/README.md` load and pass as they are printed."""
    rule, test = re.findall(r"```yaml\n(.*?)```", (POLICIES / "README.md").read_text(), re.DOTALL)
    body = "".join(f"  {line}\n" for line in rule.splitlines())
    files = switched_on(READY[0]).files
    restrictions = {"restrictions.yml": (POLICIES / "restrictions.yml").read_bytes()}
    added = {
        "guide.yml": f"version: 1\nowner: guide\nrules:\n{body}".encode(),
        "tests/guide.yml": test.encode(),
    }
    policies = build(Sources("policies", {**files, **restrictions, **added}), shipped_domain)
    assert "payslip-after-code" in {item.id for item in policies.rules}


def test_everything_about_salaries_can_be_blocked(shipped_domain):
    """No employee gets a salary detail any more; the answer is that the data is restricted."""
    policies = build(switched_on("block-salaries"), shipped_domain)
    intents = "view_salary view_payslip view_tax_withholding view_tax_form view_salary_bands"
    got = {
        (decision.effect, decision.say)
        for role in ("employee", "manager")
        for intent in intents.split()
        for decision in [policies.decide(question(role, intent, aal=2, aal_age=1))]
    }
    assert ("deny", "utter_refused_restricted") in got
    assert {"deny"} == {effect for effect, _ in got}
    assert "allow" == policies.decide(question("employee", "view_next_pay_date")).effect


def test_a_ready_rule_ends_by_itself(shipped_domain):
    """The block during the review is over on the day after its last one."""
    policies = build(switched_on("block-salaries-during-review"), shipped_domain)
    got = [
        policies.decide(question("employee", "view_salary") if day is None else _on(day)).effect
        for day in (None, "2027-03-31", "2027-04-01")
    ]
    assert ["deny", "deny", "step_up"] == got


def _on(day: str) -> Request:
    at = datetime.fromisoformat(f"{day}T23:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return replace(question("employee", "view_salary"), at=at)
