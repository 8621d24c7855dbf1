"""What holds for every set of rules and every request, tried on generated ones."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatehouse.policy import PolicySet, Principal, Request
from gatehouse.policy.assurance import satisfied, strictest
from gatehouse.policy.verdicts import YES, evaluate

INTENTS = ("view_pay", "view_bonus", "approve", "greet")
ORDER = {"allow": 0, "step_up": 1, "deny": 2}
START = datetime(2027, 3, 1, tzinfo=ZoneInfo("Europe/Berlin"))

CLAUSES = (
    "subject: self",
    "subject: [team, anyone]",
    "channel: web",
    "network_zone: outside",
    "department: payroll",
    "employment_type: permanent",
    'hours: "06:00-18:00"',
    'hours: "18:00-06:00 America/New_York"',
    "weekdays: mon-fri",
    "session_age: {max: 10m}",
    "aal: {min: 2}",
    "aal_age: {max: 1m}",
    "confidence: {min: 0.5}",
    "margin: {min: 0.2, max: 0.9}",
    "refusals: {max: 2}",
    "failed_codes: {min: 1}",
    "served: [greet]",
    "not_served: [greet, inform]",
    "slots: {topic: [pay, none]}",
)
RECORD = ("resource: {amount: {max: 100}}", "resource: {country: DE}", "resource: {urgent: true}")
TERMS = (
    "{level: aal2, max_age: 5m}",
    "{level: aal2, max_age: 1m, ask: at_confirmation}",
    "{level: aal2, max_age: every_request}",
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """One rule as YAML, without its id."""
    effect = draw(st.sampled_from(("allow", "allow", "deny", "step_up")))
    intents = draw(st.sampled_from((*INTENTS, "[view_pay, view_bonus]", "[approve, greet]")))
    clauses = draw(st.lists(st.sampled_from(CLAUSES), max_size=2, unique_by=_key))
    if intents == "approve" and draw(st.booleans()):
        clauses.append(draw(st.sampled_from(RECORD)))
    lines = ["why: A reason.", f"effect: {effect}", f"intents: {intents}"]
    roles = draw(st.sampled_from(("employee", "[employee, manager]", "any")))
    lines.append(f"roles: {roles}")
    if clauses:
        lines.append(f"when: {{{', '.join(clauses)}}}")
    if effect == "step_up" or (effect == "allow" and draw(st.booleans())):
        lines.append(f"step_up: {draw(st.sampled_from(TERMS))}")
    if draw(st.integers(0, 5)) == 0:
        lines.append("valid_until: 2027-03-04")
    return "\n    ".join(lines)


def _key(clause: str) -> str:
    return clause.split(":")[0]


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The fact, or not known."""
    return st.none() | strategy


REQUESTS = st.builds(
    Request,
    principal=st.builds(
        Principal,
        id=st.just("p-1"),
        roles=st.frozensets(st.sampled_from(("employee", "manager", "contractor"))),
        department=maybe(st.sampled_from(("payroll", "sales", "legal"))),
        employment_type=maybe(st.sampled_from(("permanent", "temporary"))),
    ),
    intent=st.sampled_from(INTENTS),
    at=maybe(st.integers(0, 10_000).map(lambda n: START + timedelta(minutes=n))),
    subject=maybe(st.sampled_from(("self", "team", "anyone", "nobody", "all"))),
    resource=st.fixed_dictionaries(
        {},
        optional={
            "amount": st.integers(90, 110),
            "country": st.sampled_from(("DE", "FR")),
            "urgent": st.booleans(),
        },
    ),
    channel=maybe(st.sampled_from(("web", "kiosk", "fax"))),
    network_zone=maybe(st.sampled_from(("office", "outside"))),
    session_age=maybe(st.integers(0, 1200)),
    aal=maybe(st.sampled_from((1, 2))),
    aal_age=maybe(st.integers(0, 400)),
    confidence=maybe(st.floats(0, 1)),
    margin=maybe(st.floats(0, 1)),
    runners_up=maybe(
        st.lists(st.tuples(st.sampled_from(INTENTS), st.floats(0, 1)), max_size=2).map(tuple)
    ),
    refusals=maybe(st.integers(0, 4)),
    failed_codes=maybe(st.integers(0, 3)),
    served=maybe(st.frozensets(st.sampled_from(INTENTS), max_size=2)),
    slots=st.fixed_dictionaries({}, optional={"topic": st.sampled_from(("pay", "none", "x"))}),
    stage=st.sampled_from(("intent", "resource")),
)
SETS = st.lists(rules(), min_size=1, max_size=8)
FACTS = (
    "at",
    "subject",
    "channel",
    "network_zone",
    "session_age",
    "aal",
    "aal_age",
    "confidence",
    "margin",
    "runners_up",
    "refusals",
    "failed_codes",
    "served",
)
often = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def numbered(bodies: list[str]) -> list[str]:
    """The rules with their ids."""
    return [f"  - id: r{number}\n    {body}\n" for number, body in enumerate(bodies)]


def narrower(policies: PolicySet, full: Request, less: Request) -> bool:
    """Whether `less` gets the same as `full` or something stricter."""
    return ORDER[policies.decide(less).effect] >= ORDER[policies.decide(full).effect]


@often
@given(bodies=SETS, requests=st.lists(REQUESTS, min_size=5, max_size=20))
def test_removing_a_fact_never_opens_anything(compiled, bodies, requests):
    """Without any one fact the answer is the same or stricter."""
    policies = compiled("".join(numbered(bodies)))
    for request in requests:
        for fact in FACTS:
            if fact == "subject" and request.stage == "intent":
                continue  # the intent itself says whose data it is about
            assert narrower(policies, request, replace(request, **{fact: None})), fact
        person = request.principal
        for fact in ("department", "employment_type"):
            less = replace(request, principal=replace(person, **{fact: None}))
            assert narrower(policies, request, less), fact
        nobody = replace(request, principal=replace(person, roles=frozenset()))
        assert narrower(policies, request, nobody)
        for name in request.slots:
            rest = {key: value for key, value in request.slots.items() if key != name}
            assert narrower(policies, request, replace(request, slots=rest))
        if request.stage == "resource":
            for name in request.resource:
                rest = {k: v for k, v in request.resource.items() if k != name}
                assert narrower(policies, request, replace(request, resource=rest)), name


@often
@given(bodies=SETS, requests=st.lists(REQUESTS, min_size=5, max_size=20), seed=st.integers())
def test_the_order_of_rules_and_files_does_not_matter(compiled, bodies, requests, seed):
    """Shuffled rules in several files decide alike, in every part of the decision."""
    listed = numbered(bodies)
    one = compiled("".join(listed))
    random.Random(seed).shuffle(listed)
    head = "version: 1\nowner: tests\nrules:\n"
    half = len(listed) // 2
    parts = {"zz": listed[:half], "aa": listed[half:]}
    texts = {name: head + "".join(part) for name, part in parts.items() if part}
    other = compiled("", **texts)
    for request in requests:
        expected = replace(one.decide(request), revision="")
        assert expected == replace(other.decide(request), revision="")


@often
@given(bodies=SETS, requests=st.lists(REQUESTS, min_size=5, max_size=20))
def test_a_deny_cannot_be_outvoted(compiled, bodies, requests):
    """With an unconditional deny added, nothing about its intent is anything but denied."""
    deny = "why: A reason.\n    effect: deny\n    intents: view_pay"
    policies = compiled("".join(numbered([*bodies, deny])))
    for request in requests:
        assert "deny" == policies.decide(replace(request, intent="view_pay")).effect


@often
@given(bodies=SETS, extra=rules(), requests=st.lists(REQUESTS, min_size=5, max_size=20))
def test_only_an_allow_rule_opens(compiled, bodies, extra, requests):
    """Adding a deny or a step-up never opens; adding an allow without code never asks for one."""
    before = compiled("".join(numbered(bodies)))
    after = compiled("".join(numbered([*bodies, extra])))
    for request in requests:
        old, new = before.decide(request).effect, after.decide(request).effect
        if "effect: allow" not in extra:
            assert ORDER[new] >= ORDER[old]
        elif "step_up" not in extra:
            assert ORDER[new] <= ORDER[old]


@often
@given(bodies=SETS, requests=st.lists(REQUESTS, min_size=5, max_size=20))
def test_the_intent_stage_never_stops_what_the_resource_stage_would_allow(
    compiled, bodies, requests
):
    """With the same facts, the first stage is not stricter than the second one."""
    policies = compiled("".join(numbered(bodies)))
    for request in requests:
        facts = replace(request, runners_up=(), subject=request.subject or "self")
        first = policies.decide(replace(facts, stage="intent")).effect
        assert ORDER[first] <= ORDER[policies.decide(replace(facts, stage="resource")).effect]


def one_by_one(policies: PolicySet, request: Request) -> tuple[object, ...]:
    """The decision on a request without runners-up, by asking every rule after the other."""
    subject = policies.subject_of(request)
    allows, factors, doubtful, unknown = [], [], None, set()
    for rule in policies.rules_for(request.intent):
        if not rule.concerns(request.principal.roles):
            continue
        outcome = evaluate(rule.clauses, request, subject)
        if rule.effect == "deny":
            if outcome.verdict == YES:
                return "deny", rule.id, outcome.missing, None
            if outcome.restricts and doubtful is None:
                doubtful = "deny", rule.id, outcome.missing, None
            continue
        if rule.effect == "allow":
            if outcome.grants:
                allows.append((rule, outcome))
            else:
                unknown.update(outcome.missing)
        if rule.step_up is not None and outcome.restricts:
            factors.append((rule, outcome))
    if doubtful is not None:
        return doubtful
    if not allows:
        return "deny", "default", tuple(sorted(unknown)), None
    terms = strictest([rule.step_up for rule, _ in factors]) if factors else None
    if terms is None or satisfied(request, terms):
        missing = {fact for _, outcome in factors for fact in outcome.missing}
        return "allow", allows[0][0].id, tuple(sorted(missing)), None
    return "step_up", terms


@often
@given(bodies=SETS, requests=st.lists(REQUESTS, min_size=10, max_size=40))
def test_the_arranged_rules_decide_like_the_rules_one_by_one(compiled, bodies, requests):
    """Look-ups by value give the decision, its rule and its missing facts that asking every rule gives,
    on the first request and once everything is remembered."""
    policies = compiled("".join(numbered(bodies)))
    for request in [*requests, *requests]:
        asked = replace(request, runners_up=())
        decision = policies.decide(asked)
        expected = one_by_one(policies, asked)
        if expected[0] == "step_up":
            assert expected == (decision.effect, decision.step_up)
        else:
            assert expected == (decision.effect, decision.rule, decision.indeterminate, None)
