"""The four answers of a clause and how the clauses of a rule combine.

The logic is that of Kleene with two kinds of *unknown*: a fact that is missing, which fails closed
by the kind of the rule, and a fact that only the resource stage has, which is decided there. This
module must stay free of any vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatehouse.policy.cuts import Cuts
from gatehouse.policy.model import Request

NO, YES, MISSING, PENDING = 0, 1, 2, 3
NAMES = ("no", "yes", "not known", "known later")

Test = Callable[[Request, str | None], int]


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: the one fact it reads, what it says in words, and its test.

    `cuts` say where the answer can change; without them nobody can tell what an edit changes.
    """

    fact: str
    words: str
    test: Test
    cuts: Cuts | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the conditions of a rule hold, and the facts that kept it from being certain.

    `verdict` is NO as soon as one clause is; else PENDING when a fact comes later; else MISSING;
    else YES. `missing` and `pending` name the facts.
    """

    verdict: int
    missing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def grants(self) -> bool:
        """Whether an `allow` applies: every known fact fits and none is missing."""
        return self.verdict != NO and not self.missing

    @property
    def restricts(self) -> bool:
        """Whether a `deny` or a step-up applies: nothing known speaks against it.

        A fact that comes later is no reason yet; the resource stage asks again.
        """
        return self.verdict in (YES, MISSING)


HOLDS = Outcome(YES)
FAILS = Outcome(NO)


def evaluate(clauses: tuple[Clause, ...], request: Request, subject: str | None) -> Outcome:
    """The outcome of a conjunction; an empty one holds."""
    missing: list[str] = []
    pending: list[str] = []
    for clause in clauses:
        answer = clause.test(request, subject)
        if answer == NO:
            return FAILS
        if answer == MISSING:
            missing.append(clause.fact)
        elif answer == PENDING:
            pending.append(clause.fact)
    if not missing and not pending:
        return HOLDS
    return Outcome(PENDING if pending else MISSING, tuple(missing), tuple(pending))
