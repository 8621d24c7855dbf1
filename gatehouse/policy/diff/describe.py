"""A change in plain words: for whom, when, what it was and what it becomes, and an example.

For people who sign policies. Everything is taken from the change itself; nothing may sound more
certain or smaller than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gatehouse.policy.diff.dimensions import ASSURANCE, Dimension
from gatehouse.policy.diff.residual import ROLE
from gatehouse.policy.diff.result import Change, Comparison
from gatehouse.policy.diff.search import fits
from gatehouse.policy.diff.space import Space
from gatehouse.policy.diff.strictness import Answer
from gatehouse.policy.model import Request, StepUpTerms
from gatehouse.policy.times import zone_of
from gatehouse.policy.verdicts import MISSING, NO, YES, Clause
from gatehouse.policy.words import SUBJECTS, clause_words, duration, listed, terms_words

EFFECTS = {"allow": "allowed", "step_up": "after a code", "deny": "refused"}


def answer_words(answer: Answer) -> str:
    """What is answered, and by which rule."""
    if answer.effect == "deny":
        words = f"refused with {answer.say}" if answer.say else "refused"
    else:
        words = f"allowed, after {terms_words(answer.terms)}" if answer.terms else "allowed"
    by = "because no rule allows it" if answer.rule == "default" else f"by {answer.rule}"
    return f"{words}, {by}"


def both_words(before: Answer, after: Answer) -> tuple[str, str]:
    """Both answers; what a sentence leaves out of the terms is added when only that differs."""
    old, new = answer_words(before), answer_words(after)
    if old == new and before.terms and after.terms and before.terms != after.terms:
        return _with_age(old, before.terms), _with_age(new, after.terms)
    return old, new


def _with_age(words: str, terms: StepUpTerms) -> str:
    age = duration(terms.max_age) if terms.max_age else "every request"
    return f"{words} (max_age: {age})"


def comes_with(found: Comparison) -> list[str]:
    """Which accounts are described otherwise; nobody gets or loses a role by it."""
    return [
        f"accounts with the role {role} come with {_named(after)}, before with {_named(before)}: "
        "the matrix shows them so; who has which role is unchanged"
        for role, before, after in sorted(found.accounts, key=lambda item: item[0])
    ]


def _named(names: frozenset[str]) -> str:
    return listed(sorted(names), "and") if names else "no other"


def accounts(change: Change) -> list[str]:
    """The usual accounts, each with the roles that come with it, that the change is about."""
    return [
        role
        for role, roles in change.space.after.vocabulary.comes_with.items()
        if all(
            fits(change.space, roles, {name.removeprefix(ROLE): number})
            for name, numbers in change.classes.items()
            if name.startswith(ROLE) and len(numbers) == 1
            for number in numbers
        )
    ]


def who(change: Change) -> str:
    """The people in a few words."""
    found = accounts(change)
    if len(found) == len(change.space.after.vocabulary.roles):
        return "everybody"
    if found:
        return ", ".join(found)
    named = {
        name.removeprefix(ROLE): min(numbers)
        for name, numbers in change.classes.items()
        if name.startswith(ROLE)
    }
    has = sorted(role for role, number in named.items() if number)
    lacks = sorted(role for role, number in named.items() if not number)
    if not has:
        return "people without any of these roles"
    words = f"people with {_roles(has)}"
    return f"{words}, without {listed(lacks)}" if lacks and len(has) > 1 else words


def when(change: Change) -> list[str]:
    """The conditions, apart from roles and the second factor."""
    return [
        _condition(change.space, change.space.dimensions[name], classes)
        for name, classes in change.classes.items()
        if name in change.space.dimensions and name != ASSURANCE
    ]


def example(change: Change) -> str:
    """One of the requests as a sentence."""
    request = change.example
    parts = [_person(change.space, request), f"asks for {change.intent}"]
    for name in change.classes:
        if name in change.space.dimensions:
            parts.append(_fact(name, request, change.space))
    if change.stage == "resource" and "subject" not in change.classes:
        parts.append("when the record is at hand")
    if change.runner_up:
        parts.append(f"in words that may as well mean {change.runner_up}")
    return " ".join([*parts[:2], ", ".join(parts[2:])]).strip()


def _condition(space: Space, item: Dimension, classes: frozenset[int]) -> str:
    """The condition that holds exactly in `classes`: those of the rules, or else examples."""
    inside = [item.request(space.base, number) for number in sorted(classes)]
    outside = [
        item.request(space.base, number)
        for number in range(len(item.values))
        if number not in classes
    ]
    holds: list[str] = []
    fails: list[str] = []
    for clause in _clauses(space, item.name):
        here = _answers(clause, inside)
        left = [one for one in outside if _answers(clause, [one]) <= here]
        if len(left) < len(outside) and not {YES, NO} <= here:
            outside = left
            (fails if NO in here else holds).append(_part(clause, here))
    if not outside and (holds or fails):
        without = f"not: {' nor '.join(fails)}" if fails else ""
        return " but ".join(filter(None, (" and ".join(holds), without)))
    return f"for example {listed([_fact(item.name, one, space) for one in inside])}"


def _part(clause: Clause, answered: set[int]) -> str:
    if answered == {MISSING}:
        return f"the {clause.fact.replace('_', ' ')} is not known"
    words = clause_words(clause)
    return f"{words} (or it is not known)" if MISSING in answered else words


def _answers(clause: Clause, requests: list[Request]) -> set[int]:
    """What the clause says to these requests."""
    return {clause.test(request, request.subject) for request in requests}


def _clauses(space: Space, fact: str) -> list[Clause]:
    names = [space.intent, *([space.runner_up] if space.runner_up else [])]
    rules = [r for one in (space.before, space.after) for n in names for r in one.rules_for(n)]
    return [clause for rule in rules for clause in rule.clauses if clause.fact == fact]


def _person(space: Space, request: Request) -> str:
    roles = request.principal.roles
    for role, usual in space.after.vocabulary.comes_with.items():
        if usual == roles:
            return f"{'an' if role[0] in 'aeiou' or role[:2] == 'hr' else 'a'} {role}"
    if not roles:
        return "somebody without any role"
    return f"somebody with {_roles(sorted(roles))}"


def _roles(names: list[str]) -> str:
    """Roles that make no usual account."""
    if len(names) == 1:
        return f"only the role {names[0]}"
    return f"the roles {listed(names, 'and')} at once"


def _fact(name: str, request: Request, space: Space) -> str:
    """One fact of a request, said after `asks for …`."""
    if name == ASSURANCE:
        return _assurance(request)
    if name == "at":
        return _time(request.at, space.after.vocabulary.zone)
    kind, _, below = name.partition(".")
    owner: Any = request.principal if hasattr(request.principal, kind) else request
    value = getattr(owner, kind)
    if below:
        value = value.get(below)
    label = below or kind.replace("_", " ")
    if value is None:
        return f"when the {label} is not known"
    said = _SAID.get(kind)
    return said(value) if said else f"when the {label} is {_plain(value)}"


def _assurance(request: Request) -> str:
    if request.aal is None:
        return "with an unknown second factor"
    if request.aal < 2:
        return "without a code"
    if request.aal_age is None:
        return "with a code of unknown age"
    return f"with a code given {duration(request.aal_age)} ago"


def _time(at: datetime | None, zone: str) -> str:
    if at is None:
        return "at an unknown time"
    return f"on {at.astimezone(zone_of(zone)):%A %-d %B %Y at %H:%M} ({zone})"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"just below {round(value, 6):g}" if round(value, 6) != value else f"{value:g}"
    return str(value) or "empty"


_SAID: Mapping[str, Callable[[Any], str]] = {
    "subject": lambda value: f"about {SUBJECTS[value]}",
    "session_age": lambda value: f"signed in {duration(value)} ago",
    "channel": lambda value: f"through {value}",
    "network_zone": lambda value: f"from the network zone {value}",
    "department": lambda value: f"in the department {value}",
    "employment_type": lambda value: f"with the employment type {value}",
    "refusals": lambda value: f"after {value} refusals in the conversation",
    "failed_codes": lambda value: f"after {value} wrong codes in the conversation",
    "confidence": lambda value: f"understood with confidence {_plain(value)}",
    "margin": lambda value: f"with a lead of {_plain(value)} over the next meaning",
    "served": lambda value: (
        f"after {listed(sorted(value), 'and')}" if value else "as the first request"
    ),
}
