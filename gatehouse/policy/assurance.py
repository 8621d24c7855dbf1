"""When a second factor is asked for, and when the one already given is enough.

Several rules may ask for a factor; the strictest terms satisfy all of them. An assurance that is
not known, or whose age is negative because a clock jumped, must never satisfy anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatehouse.policy.model import LEVEL_NUMBER, Request, StepUpTerms


def strictest(terms: Iterable[StepUpTerms]) -> StepUpTerms:
    """The terms that satisfy all of `terms`, which must not be empty."""
    every = list(terms)
    return StepUpTerms(
        level=max((item.level for item in every), key=lambda name: LEVEL_NUMBER[name]),
        max_age=min(item.max_age for item in every),
        bind=tuple(sorted({name for item in every for name in item.bind})),
        ask="at_once" if any(item.ask == "at_once" for item in every) else "at_confirmation",
    )


def satisfied(request: Request, terms: StepUpTerms) -> bool:
    """Whether the assurance of the session is enough.

    Never for terms that bind values or want a code for every request: those need a grant.
    """
    if terms.bind or not terms.max_age:
        return False
    if type(request.aal) is not int or type(request.aal_age) not in (int, float):
        return False
    age = request.aal_age
    fresh = age is not None and 0 <= age <= terms.max_age
    return fresh and request.aal >= LEVEL_NUMBER[terms.level]


def unknown_assurance(request: Request) -> set[str]:
    """The facts about the second factor that the request lacks."""
    unknown = set()
    if request.aal is None:
        unknown.add("aal")
    elif request.aal_age is None and request.aal > 1:
        unknown.add("aal_age")
    return unknown
