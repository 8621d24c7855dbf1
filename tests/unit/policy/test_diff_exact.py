"""The comparison of two policies is exact: what it reports differs, and what differs it reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gatehouse.policy import PolicySet, Request
from gatehouse.policy.diff import Answer, Change, Comparison, TooLarge, compare
from gatehouse.policy.diff.residual import ROLE
from gatehouse.policy.diff.space import GAP, more_protected
from gatehouse.policy.loader import build
from gatehouse.policy.model import Principal
from tests.unit.policy.conftest import sources_of
from tests.unit.policy.test_properties import REQUESTS, SETS, numbered, rules

# Two months, so that summer time begins in one of the zones and then in the other.
MINUTES = st.integers(0, 60 * 24 * 60)
WORDS = st.sampled_from(
    (
        ("", ""),
        ("margin: 0.1", "margin: 0.3"),
        ("margin: 0.1", "margin: 0"),
        ("except: [inform]", "except: [inform, greet]"),
        ("refusal: utter_refused", "refusal: utter_closed"),
        ("say: utter_unclear", "say: utter_closed"),
    )
)
DESCRIBED = st.sampled_from(
    (
        ("", ""),
        ("view_bonus: {about: self", "view_bonus: {about: anyone"),
        ("greet: {about: nobody, groups: talk, protection: public}",
         "greet: {about: nobody, groups: talk, protection: restricted}"),
    )
)  # fmt: skip

# What is done to which rule: left out, put in its place, or said a little differently.
EDITS = st.tuples(
    st.integers(0, 7),
    st.none()
    | rules()
    | st.sampled_from(
        (
            ("max_age: 5m", "max_age: 2m"),
            ("max_age: 1m", "max_age: 4m"),
            ("max_age: every_request", "max_age: 3m"),
            ("level: aal2, max_age: 5m", "level: aal2, max_age: 5m, ask: at_confirmation"),
            ("effect: allow", "effect: deny"),
            ("effect: deny", "effect: allow"),
            ("when: {subject: self", "when: {subject: team"),
            ("mon-fri", "mon-sat"),
            ("06:00-18:00", "06:00-19:30"),
            ("max: 10m", "max: 11m"),
            ("min: 0.5", "min: 0.6"),
            ("max: 100", "max: 105"),
            ("roles: employee", "roles: manager"),
            ("why: A reason.", "why: Another reason."),
        )
    ),
)


def edited(rules: list[str], edits: list[tuple[int, object]]) -> list[str]:
    """The rules after some edits; their ids stay."""
    found = list(rules)
    for number, edit in edits:
        if number >= len(found):
            if isinstance(edit, str):
                found.append(numbered([*found, edit])[-1])
            continue
        if edit is None:
            found[number] = ""
        elif isinstance(edit, str):
            found[number] = numbered([*found[:number], edit])[-1]
        else:
            old, new = edit
            changed = found[number].replace(old, new)
            deny_with_code = "effect: deny" in changed and "step_up:" in changed
            found[number] = found[number] if deny_with_code else changed
    return found


# What a message may as well mean, and how far behind that is.
SECOND = st.tuples(
    st.sampled_from(("greet", "out_of_scope", "approve")),
    st.sampled_from(("view_pay", "view_bonus", "approve", "greet")),
    st.sampled_from((0.0, 0.05, 0.15, 0.25, 0.35)),
)


def class_of(change: Change, name: str, request: Request) -> int | None:
    """The class of `request` in one dimension of a change."""
    space = change.space
    if name.startswith(ROLE):
        named = {space.roles[role] for role in request.principal.roles if role in space.roles}
        return int(name.removeprefix(ROLE) in named)
    if name == GAP:
        return closeness(change, request)
    found = space.dimensions[name]
    return found.by_answers[found.answers(request)]


def closeness(change: Change, request: Request) -> int | None:
    """0: the runner-up is within both margins; 1: only within the wider one; None: in none."""
    ranked = dict(request.runners_up or ())
    if request.confidence is None:
        return 0
    behind = request.confidence - ranked[change.runner_up]
    both = (change.space.before, change.space.after)
    margins = sorted({one.vocabulary.runner_up.margin for one in both})
    return next((n for n, margin in enumerate(margins) if not behind > margin), None)


def covers(change: Change, request: Request) -> bool:
    """Whether `request` is among those of `change`."""
    space = change.space
    if (request.intent, request.stage) != (space.intent, space.stage):
        return False
    return all(class_of(change, name, request) in found for name, found in change.classes.items())


def reported(found: Comparison, request: Request, near: str) -> bool:
    """Whether the comparison says that `request`, with the runner-up `near`, is changed."""
    return any(covers(one, request) for one in found.changes if one.runner_up == near)


def runners(one: PolicySet, other: PolicySet, request: Request) -> list[str]:
    """The runners-up that count in either set."""
    found = []
    for name, confidence in request.runners_up or ():
        close = request.confidence is None or any(
            not request.confidence - confidence > policies.vocabulary.runner_up.margin
            for policies in (one, other)
        )
        counts = any(more_protected(policies, request.intent, name) for policies in (one, other))
        if close and counts and name not in found:
            found.append(name)
    return found if request.stage == "intent" else []


def changed(before: PolicySet, after: PolicySet, request: Request) -> bool:
    """Whether the two sets answer differently."""
    return Answer.of(before.decide(request)) != Answer.of(after.decide(request))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    phases=(Phase.generate,),
)
@given(
    bodies=SETS,
    edits=st.lists(EDITS, min_size=1, max_size=3),
    words=WORDS,
    described=DESCRIBED,
    requests=st.lists(REQUESTS, min_size=12, max_size=12),
    minutes=st.lists(MINUTES, min_size=12, max_size=12),
    seconds=st.lists(SECOND, min_size=12, max_size=12),
)
def test_exactly_the_changed_requests_are_reported(
    domain, files, bodies, edits, words, described, requests, minutes, seconds
):
    """For random pairs of policies, a random request is answered differently if and only if it
    lies in a reported change; and the example of every change is answered as it says."""
    texts = files("".join(numbered(bodies)))
    before = build(sources_of(texts), domain)
    texts = files("".join(edited(numbered(bodies), edits)))
    texts["vocabulary.yml"] = texts["vocabulary.yml"].replace(*words)
    texts["intents.yml"] = texts["intents.yml"].replace(*described)
    after = build(sources_of(texts), domain)
    try:
        found = compare(before, after, most_cases=3_000)
    except TooLarge:
        return
    for change in found.changes:
        pair = Answer.of(before.decide(change.example)), Answer.of(after.decide(change.example))
        assert (change.before, change.after) == pair
    for request, minute, second in zip(requests, minutes, seconds, strict=True):
        if request.at is not None:
            request = replace(request, at=request.at + timedelta(minutes=minute))
        if request.stage == "intent":
            request = replace(request, subject=None)
        talk = replace(request, intent="out_of_scope" if request.intent == "greet" else "greet")
        for asked in (request, talk, unclear(request, *second), *near_to(found, request)):
            if asked.runners_up is None:
                continue  # as if all were close: more than one
            near = runners(before, after, asked)
            if len(near) <= 1:
                one = near[0] if near else ""
                assert changed(before, after, asked) == reported(found, asked, one), asked
            elif changed(before, after, asked):
                assert any(reported(found, asked, one) for one in ("", *near)), asked


CODE_EACH_TIME = (
    (
        "why: A reason.\n    effect: step_up\n    intents: greet\n    roles: any\n"
        "    step_up: {level: aal2, max_age: every_request}"
    ),
    (
        "why: A reason.\n    effect: step_up\n    intents: greet\n    roles: any\n"
        "    when: {aal_age: {max: 1m}}\n    step_up: {level: aal2, max_age: every_request}"
    ),
)


def test_a_fresh_code_for_another_meaning_is_told_from_an_age_without_a_level(domain, files):
    """A code for every request, asked for by another meaning of the message, is a fresh one there:
    whoever has an age of a code but no level is asked, and that is reported."""
    texts = files("".join(numbered(list(CODE_EACH_TIME))))
    before = build(sources_of(texts), domain)
    texts["intents.yml"] = texts["intents.yml"].replace(
        "greet: {about: nobody, groups: talk, protection: public}",
        "greet: {about: nobody, groups: talk, protection: restricted}",
    )
    after = build(sources_of(texts), domain)
    found = compare(before, after)
    who = Principal("p-1", frozenset({"employee"}))
    for aal, age in ((None, 14), (2, 14), (1, None), (2, 61), (None, None)):
        asked = unclear(
            Request(who, "out_of_scope", None, aal=aal, aal_age=age), "out_of_scope", "greet", 0.0
        )
        differs = aal != 2 or age > 60
        assert (differs, differs) == (
            changed(before, after, asked),
            reported(found, asked, "greet"),
        ), asked


def unclear(request: Request, intent: str, other: str, behind: float) -> Request:
    """`request` for `intent`, in words that may as well mean `other`."""
    return replace(
        request,
        intent=intent,
        stage="intent",
        subject=None,
        confidence=0.6,
        runners_up=((other, 0.6 - behind),),
    )


def near_to(found: Comparison, request: Request) -> list[Request]:
    """Requests at the edges of some changes: their examples with single facts of `request`."""
    edges: list[Request] = []
    for change in found.changes[:6]:
        for fact in ("at", "principal", "session_age", "confidence", "network_zone"):
            edges.append(replace(change.example, **{fact: getattr(request, fact)}))
        edges.append(replace(change.example, aal=2, aal_age=request.aal_age))
    return edges


@settings(max_examples=25, deadline=None, database=None)
@given(bodies=SETS)
def test_nothing_is_reported_between_equal_policies(compiled, bodies):
    """The same rules in another order: nothing differs."""
    listed = numbered(bodies)
    one, other = compiled("".join(listed)), compiled("".join(reversed(listed)))
    assert () == compare(one, other).changes
