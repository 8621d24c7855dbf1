"""How a request is decided: each clause, each way in which rules combine."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gatehouse.policy import Decision, PolicyInvalid, Principal, StepUpTerms
from gatehouse.policy.loader import build

BERLIN = ZoneInfo("Europe/Berlin")
MISSING = object()


def rule(effect: str = "allow", when: str = "", more: str = "", **keys: str) -> str:
    """One rule about `view_pay` for employees, as YAML."""
    entries = {"id": "one", "why": "A reason.", "effect": effect, "intents": "view_pay"}
    if effect == "allow":
        entries["roles"] = "employee"
    entries |= keys
    if when:
        entries["when"] = when
    body = "\n".join(f"    {key}: {value}" for key, value in entries.items())
    return "  -" + body[3:] + "\n" + (f"    {more}\n" if more else "")


CLAUSES = [
    ("{subject: self}", {"subject": "self"}, {"subject": "team"}, {"subject": None}),
    ("{subject: [self, team]}", {"subject": "team"}, {"subject": "anyone"}, {"subject": "all"}),
    ("{channel: web}", {"channel": "web"}, {"channel": "kiosk"}, {"channel": None}),
    ("{channel: web}", {"channel": "web"}, {"channel": "kiosk"}, {"channel": "fax"}),
    ("{network_zone: [office]}", {}, {"network_zone": "outside"}, {"network_zone": 7}),
    ("{session_age: {max: 5m}}", {"session_age": 300}, {"session_age": 301}, {"session_age": None}),
    ("{session_age: {min: 5m}}", {"session_age": 300}, {"session_age": 299}, {"session_age": -1}),
    ("{confidence: {min: 0.8}}", {"confidence": 0.8}, {"confidence": 0.79}, {"confidence": None}),
    ("{aal: {min: 2}}", {"aal": 2}, {"aal": 1}, {"aal": None}),
    ("{aal_age: {max: 5m}}", {"aal_age": 300}, {"aal_age": 301}, {"aal_age": None}),
    ("{margin: {min: 0.2}}", {"margin": 0.2}, {"margin": 0.19}, {"margin": None}),
    ("{margin: {max: 0.2}}", {"margin": 0.2}, {"margin": 0.21}, {"margin": float("nan")}),
    (
        "{confidence: {min: 0.8}}",
        {"confidence": 1},
        {"confidence": 0},
        {"confidence": float("nan")},
    ),
    ("{refusals: {max: 2}}", {"refusals": 2}, {"refusals": 3}, {"refusals": True}),
    ("{failed_codes: {min: 1, max: 2}}", {"failed_codes": 1}, {}, {"failed_codes": "1"}),
    ("{served: [greet]}", {"served": frozenset({"greet"})}, {}, {"served": None}),
    ("{not_served: greet}", {}, {"served": frozenset({"greet"})}, {"served": None}),
    ("{slots: {topic: [none, pay]}}", {}, {"slots": {"topic": "team"}}, {"slots": {}}),
    (
        '{hours: "06:00-22:00"}',
        {"at": datetime(2027, 3, 3, 5, 0, tzinfo=UTC)},
        {"at": datetime(2027, 3, 3, 4, 59, tzinfo=UTC)},
        {"at": None},
    ),
    (
        '{hours: "06:00-22:00 Europe/Berlin"}',
        {"at": datetime(2027, 7, 3, 19, 59, tzinfo=UTC)},
        {"at": datetime(2027, 7, 3, 20, 0, tzinfo=UTC)},
        {"at": datetime(2027, 7, 3, 12, 0)},
    ),
    (
        '{hours: "22:00-06:00"}',
        {"at": datetime(2027, 3, 3, 23, 0, tzinfo=BERLIN)},
        {"at": datetime(2027, 3, 3, 6, 0, tzinfo=BERLIN)},
        {"at": None},
    ),
    (
        '{hours: "20:00-24:00"}',
        {"at": datetime(2027, 3, 3, 23, 59, tzinfo=BERLIN)},
        {"at": datetime(2027, 3, 3, 0, 0, tzinfo=BERLIN)},
        {"at": None},
    ),
    (
        "{weekdays: mon-fri}",
        {"at": datetime(2027, 3, 5, 23, 0, tzinfo=BERLIN)},
        {"at": datetime(2027, 3, 5, 23, 0, tzinfo=UTC)},
        {"at": None},
    ),
    (
        "{weekdays: [sat-mon]}",
        {"at": datetime(2027, 3, 7, 12, 0, tzinfo=BERLIN)},
        {"at": datetime(2027, 3, 9, 12, 0, tzinfo=BERLIN)},
        {"at": None},
    ),
    (
        '{hours: "09:00-17:00 America/New_York", weekdays: [mon]}',
        {"at": datetime(2027, 3, 1, 15, 0, tzinfo=UTC)},
        {"at": datetime(2027, 3, 2, 15, 0, tzinfo=UTC)},
        {"at": None},
    ),
]


@pytest.mark.parametrize(("when", "yes", "no", "unknown"), CLAUSES)
def test_a_clause_fails_closed_by_the_kind_of_its_rule(compiled, ask, when, yes, no, unknown):
    """A clause that holds, does not hold, or lacks its fact, in a rule of each kind."""
    allow = compiled(rule("allow", when))
    effects = [allow.decide(ask(**facts)).effect for facts in (yes, no, unknown)]
    assert ["allow", "deny", "deny"] == effects
    deny = compiled(rule("deny", when) + rule("allow", id="two"))
    effects = [deny.decide(ask(**facts)).effect for facts in (yes, no, unknown)]
    assert ["deny", "allow", "deny"] == effects
    terms = "step_up: {level: aal2, max_age: 5m}"
    step_up = compiled(rule("step_up", when, terms) + rule("allow", id="two"))
    effects = [step_up.decide(ask(**facts)).effect for facts in (yes, no, unknown)]
    assert ["step_up", "allow", "step_up"] == effects


@pytest.mark.parametrize(("when", "yes", "no", "unknown"), CLAUSES)
def test_a_missing_fact_is_recorded(compiled, ask, when, yes, no, unknown):
    """The decision names the fact that was missing, and no fact when all are known."""
    policies = compiled(rule("deny", when) + rule("allow", id="two"))
    fact = {"network_zone": "network_zone"}.get(next(iter(unknown)), next(iter(unknown)))
    named = policies.decide(ask(**unknown)).indeterminate
    assert (f"{fact}.topic" if fact == "slots" else fact) in named
    assert () == policies.decide(ask(**yes)).indeterminate


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [("department", "payroll", "sales"), ("employment_type", "permanent", "temporary")],
)
def test_clauses_about_the_person(compiled, ask, key, value, other):
    """Department and employment type; a word outside the vocabulary counts as not known."""
    policies = compiled(rule("deny", f"{{{key}: {value}}}") + rule("allow", id="two"))
    facts = {"department": "sales", "employment_type": "temporary"}

    def effect(word: str | None) -> str:
        person = Principal("p-1", frozenset({"employee"}), **{**facts, key: word})
        return policies.decide(ask(principal=person)).effect

    assert ["deny", "allow", "deny", "deny"] == [effect(x) for x in (value, other, "legal", None)]


RECORDS = [
    ("{amount: {max: 100}}", {"amount": 100}, {"amount": 100.01}, {}),
    ("{amount: {min: 0.5, max: 2}}", {"amount": 1}, {"amount": 0}, {"amount": "1"}),
    ("{amount: 5}", {"amount": 5.0}, {"amount": 6}, {"amount": True}),
    ("{amount: {max: 100}}", {"amount": -3}, {"amount": 101}, {"amount": float("nan")}),
    ("{country: [DE, 'NO']}", {"country": "NO"}, {"country": "FR"}, {"country": None}),
    ("{urgent: true}", {"urgent": True}, {"urgent": False}, {"urgent": 1}),
]


@pytest.mark.parametrize(("when", "yes", "no", "unknown"), RECORDS)
def test_the_record_is_decided_at_the_resource_stage(compiled, ask, when, yes, no, unknown):
    """At the resource stage a condition on the record counts, and fails closed without the fact."""
    for effect, expected in (("allow", "allow deny deny"), ("deny", "deny allow deny")):
        policies = compiled(
            rule(effect, f"{{resource: {when}}}", intents="approve")
            + (rule("allow", id="two", intents="approve") if effect == "deny" else "")
        )
        got = [
            policies.decide(ask("approve", resource=facts)).effect for facts in (yes, no, unknown)
        ]
        assert expected.split() == got


def test_the_record_is_left_to_the_resource_stage(compiled, ask):
    """At the intent stage a deny about the record does not block and an allow lets pass."""
    when = "{resource: {amount: {min: 100}}}"
    terms = "step_up: {level: aal2, max_age: 5m}"
    request = ask("approve", stage="intent", subject=None)
    open_ = rule("allow", id="two", intents="approve")
    assert "allow" == compiled(rule("deny", when, intents="approve") + open_).decide(request).effect
    stepped = compiled(rule("step_up", when, terms, intents="approve") + open_)
    assert "allow" == stepped.decide(request).effect
    decision = compiled(rule("allow", when, intents="approve")).decide(request)
    assert ("allow", ("resource.amount",)) == (decision.effect, decision.pending)


def test_a_missing_fact_is_not_excused_by_a_pending_one(compiled, ask):
    """An allow that lacks a fact and waits for another does not match at the intent stage."""
    when = "{resource: {amount: {max: 100}}, channel: web}"
    policies = compiled(rule("allow", when, intents="approve"))
    decision = policies.decide(ask("approve", stage="intent", subject=None, channel=None))
    assert ("deny", ("channel",)) == (decision.effect, decision.indeterminate)


def test_a_deny_that_waits_for_the_record_does_not_block_for_another_missing_fact(compiled, ask):
    """At the intent stage it is left to the resource stage, where it fails closed."""
    when = "{resource: {amount: {min: 100}}, channel: kiosk}"
    rules = rule("deny", when, intents="approve") + rule("allow", id="two", intents="approve")
    policies = compiled(rules)
    facts = {"channel": None, "resource": {"amount": 100}}
    first = policies.decide(ask("approve", stage="intent", **facts)).effect
    assert ["allow", "deny"] == [first, policies.decide(ask("approve", **facts)).effect]


def test_the_subject_at_the_intent_stage_is_that_of_the_intent(compiled, ask):
    """Without a subject the intent stage uses `about`; the resource stage has none."""
    policies = compiled(rule("allow", "{subject: self}"))
    assert "allow" == policies.decide(ask(subject=None, stage="intent")).effect
    assert "deny" == policies.decide(ask(subject="team", stage="intent")).effect
    assert "deny" == policies.decide(ask(subject=None)).effect


def test_nothing_is_allowed_by_default(compiled, ask):
    """Without a matching allow the answer is no, by the rule `default`."""
    expected = Decision(
        "deny", "default", "utter_refused", "No rule allows this.", compiled().revision
    )
    assert expected == compiled().decide(ask())


def test_a_deny_wins_over_every_allow(compiled, ask):
    """However many rules allow it and however specific they are."""
    rules = rule("deny", id="shut", intents="all", say="utter_closed")
    decision = compiled(rules + rule() + rule(id="two")).decide(ask())
    assert ("deny", "shut", "utter_closed") == (decision.effect, decision.rule, decision.say)


def test_the_most_specific_deny_speaks(compiled, ask):
    """Of several denies the one about the fewest intents gives the reason."""
    rules = rule("deny", id="a", groups="pay") + rule("deny", id="b", say="utter_closed")
    assert "b" == compiled(rules).decide(ask()).rule


def test_a_certain_deny_speaks_before_a_doubtful_one(compiled, ask):
    """A deny that matches for sure gives the reason rather than one that lacks a fact."""
    rules = rule("deny", "{channel: kiosk}", id="a") + rule("deny", id="b", groups="pay")
    assert "b" == compiled(rules).decide(ask(channel=None)).rule


def test_an_unknown_intent_is_refused(compiled, ask):
    """An intent that the policies do not know is refused whatever the rules say."""
    assert "unknown-intent" == compiled().decide(ask("view_everything")).rule


@pytest.mark.parametrize("roles", ["", "manager", "director"])
def test_other_roles_get_nothing(compiled, ask, roles):
    """No role, another role and a role that does not exist give nothing."""
    assert "deny" == compiled(rule()).decide(ask(roles=roles)).effect


def test_any_means_every_known_role(compiled, ask):
    """`roles: any` is every role of the vocabulary and not a role that is unknown."""
    policies = compiled(rule(roles="any"))
    asked = [policies.decide(ask(roles=role)).effect for role in ("contractor", "director", "")]
    assert ["allow", "deny", "deny"] == asked


def test_except_roles(compiled, ask):
    """A deny with `except_roles` hits everybody who has none of them."""
    rules = rule("deny", except_roles="manager") + rule(id="two", roles="any")
    policies = compiled(rules)
    asked = [policies.decide(ask(roles=roles)).effect for roles in ("employee", "employee manager")]
    assert ["deny", "allow"] == asked


TERMS = "step_up: {level: aal2, max_age: 5m}"


@pytest.mark.parametrize(
    ("aal", "age", "expected"),
    [
        (1, None, "step_up"),
        (2, 300, "allow"),
        (2, 301, "step_up"),
        (2, None, "step_up"),
        (None, 10, "step_up"),
        (2, -1, "step_up"),
        (2, float("nan"), "step_up"),
        (1, 10, "step_up"),
        (True, 10, "step_up"),
    ],
)
def test_a_second_factor_must_be_strong_and_fresh(compiled, ask, aal, age, expected):
    """Only a known level and a known age within the limit are enough."""
    assert expected == compiled(rule(more=TERMS)).decide(ask(aal=aal, aal_age=age)).effect


@pytest.mark.parametrize(
    "terms", ["{level: aal2, max_age: 5m, bind: [period]}", "{level: aal2, max_age: every_request}"]
)
def test_a_code_for_this_request_is_never_replaced_by_an_earlier_one(compiled, ask, terms):
    """Terms that bind values, or want a code each time, are satisfied by a grant only."""
    decision = compiled(rule(more=f"step_up: {terms}")).decide(ask(aal=2, aal_age=0))
    assert "step_up" == decision.effect


def test_an_allow_without_code_does_not_cancel_the_code_of_another(compiled, ask):
    """The strictest terms of all matching rules apply: shortest age, all values, at once."""
    rules = (
        rule(id="free")
        + rule(
            id="a", more="step_up: {level: aal2, max_age: 5m, bind: period, ask: at_confirmation}"
        )
        + rule("step_up", id="b", more="step_up: {level: aal2, max_age: 1m}")
    )
    decision = compiled(rules).decide(ask())
    expected = StepUpTerms("aal2", 60, ("period",), "at_once")
    assert ("step_up", "b", expected) == (decision.effect, decision.rule, decision.step_up)


def test_a_step_up_rule_allows_nothing(compiled, ask):
    """A rule that asks for a code is no permission, with or without the code."""
    policies = compiled(rule("step_up", more=TERMS))
    assert "deny" == policies.decide(ask(aal=2, aal_age=1)).effect


def test_a_code_is_asked_for_when_a_fact_of_its_rule_is_missing(compiled, ask):
    """An allow with code that lacks a fact allows nothing but still asks for the code."""
    rules = rule(id="free") + rule("allow", "{channel: kiosk}", TERMS, id="a")
    policies = compiled(rules)
    assert "allow" == policies.decide(ask()).effect
    decision = policies.decide(ask(channel=None))
    assert ("step_up", ("channel",)) == (decision.effect, decision.indeterminate)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2027-01-31", "deny"),
        ("2027-02-01", "allow"),
        ("2027-02-28", "allow"),
        ("2027-03-01", "deny"),
    ],
)
def test_a_rule_begins_and_ends_by_itself(compiled, ask, day, expected):
    """Both days of the validity are included, in local time."""
    policies = compiled(rule(valid_from="2027-02-01", valid_until="2027-02-28"))
    for clock in ("00:00", "23:59"):
        at = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=BERLIN)
        assert expected == policies.decide(ask(at=at)).effect


def test_a_deny_with_a_validity_holds_when_the_time_is_not_known(compiled, ask):
    """Without the time nobody can say that a deny has ended."""
    policies = compiled(rule("deny", valid_until="2020-01-01") + rule(id="two"))
    assert ["allow", "deny"] == [policies.decide(ask(**f)).effect for f in ({}, {"at": None})]


class TestRunnersUp:
    """A message that may as well mean something more protected."""

    RULES = rule(id="pay") + rule("deny", id="no-bonus", intents="view_bonus", say="utter_closed")

    @pytest.mark.parametrize(
        ("confidence", "runners_up", "expected"),
        [
            (0.5, (("view_bonus", 0.45),), "deny"),
            (0.5, (("view_bonus", 0.4),), "deny"),
            (0.5, (("view_bonus", 0.39),), "allow"),
            (0.5, (), "allow"),
            (0.5, None, "deny"),
            (None, (("view_bonus", 0.0),), "deny"),
            (float("nan"), (("view_bonus", 0.0),), "deny"),
            (0.5, (("view_bonus", float("nan")),), "deny"),
            (0.5, (("something_else", 0.45),), "deny"),
            (0.5, (("greet", 0.5), ("view_bonus", 0.1)), "allow"),
        ],
    )
    def test_the_stricter_decision_applies(self, compiled, ask, confidence, runners_up, expected):
        """Within the margin, or when confidence or runners-up are not known."""
        rules = self.RULES + rule(id="team", intents="approve", roles="employee")
        request = ask(
            "approve", stage="intent", subject=None, confidence=confidence, runners_up=runners_up
        )
        assert expected == compiled(rules).decide(request).effect

    def test_it_says_that_the_message_is_unclear(self, compiled, ask):
        """Not the reason of the runner-up: it would answer a question that was not asked."""
        request = ask("greet", stage="intent", confidence=0.5, runners_up=(("view_bonus", 0.5),))
        decision = compiled(self.RULES).decide(request)
        assert ("no-bonus", "utter_unclear") == (decision.rule, decision.say)

    def test_a_less_protected_runner_up_changes_nothing(self, compiled, ask):
        """A runner-up that is as protected as the winner, or less, is not decided."""
        request = ask(stage="intent", confidence=0.5, runners_up=(("view_bonus", 0.5),))
        assert "allow" == compiled(self.RULES).decide(request).effect

    def test_an_answer_inside_a_request_is_not_held_up(self, compiled, ask):
        """Intents that only go on with what was begun are exempt."""
        request = ask("inform", stage="intent", confidence=0.5, runners_up=(("view_bonus", 0.5),))
        assert "allow" == compiled(self.RULES).decide(request).effect

    def test_the_resource_stage_knows_what_was_meant(self, compiled, ask):
        """Runners-up count once, at the intent stage."""
        request = ask("greet", confidence=0.5, runners_up=(("view_bonus", 0.5),))
        assert "allow" == compiled(self.RULES).decide(request).effect

    def test_the_code_of_a_runner_up_is_asked_for_and_is_enough(self, compiled, ask):
        """Its values cannot be bound; a code of the last minute satisfies it."""
        more = (
            "step_up: {level: aal2, max_age: every_request, bind: [period], ask: at_confirmation}"
        )
        policies = compiled(rule(more=more))
        facts = {"stage": "intent", "confidence": 0.5, "runners_up": (("view_pay", 0.5),)}
        decision = policies.decide(ask("greet", **facts))
        assert ("step_up", StepUpTerms("aal2", 60)) == (decision.effect, decision.step_up)
        assert "allow" == policies.decide(ask("greet", aal=2, aal_age=59, **facts)).effect


@pytest.mark.parametrize("garbage", [None, 7, "view_pay", {}, object()])
def test_garbage_is_refused_and_never_raises(compiled, garbage):
    """Whatever is given instead of a request is refused by the rule `error`."""
    decision = compiled(rule()).decide(garbage)
    assert ("deny", "error", "utter_refused") == (decision.effect, decision.rule, decision.say)


@pytest.mark.parametrize(
    "facts",
    [
        {"principal": None},
        {"resource": None, "intent": "approve"},
        {"slots": 3},
        {"runners_up": 7, "stage": "intent"},
        {"served": "greet"},
        {"subject": ["self"]},
        {"stage": None, "resource": {"amount": 10**400}, "intent": "approve"},
    ],
)
def test_garbage_in_a_fact_is_refused(compiled, ask, facts):
    """A fact of a wrong type never lets anybody in."""
    when = "{subject: self, slots: {topic: none}, not_served: greet}"
    rules = rule("allow", when) + rule(
        "allow", "{resource: {amount: {max: 5}}}", id="two", intents="approve"
    )
    facts = {"intent": "view_pay", **facts}
    assert "deny" == compiled(rules).decide(ask(**facts)).effect


def test_the_retention_class_of_an_intent(domain, files, sources):
    """Seconds of its class; None without one; an unknown intent is kept for the shortest time."""
    texts = files()
    texts["intents.yml"] = texts["intents.yml"].replace("year]}", "year], retention: long}")
    policies = build(sources(texts), domain)
    got = [policies.retention_of(name) for name in ("view_bonus", "view_pay", "made_up")]
    assert [172_800, None, 3600] == got


def test_a_retention_class_needs_a_duration(domain, files, sources):
    """A class may be named only once the vocabulary says how long it is."""
    texts = files()
    texts["intents.yml"] = texts["intents.yml"].replace("year]}", "year], retention: long}")
    texts["vocabulary.yml"] = texts["vocabulary.yml"].replace(
        "retention: {brief: 1h, long: 2d}", ""
    )
    with pytest.raises(PolicyInvalid) as raised:
        build(sources(texts), domain)
    problem = raised.value.problems[0]
    assert ("policies/intents.yml:4:101", "intents.view_bonus.retention") == (
        str(problem.where),
        problem.path,
    )
    assert "the vocabulary has no retention classes" == problem.message
