"""What every second factor can do, and the factors of one deployment.

A factor knows its own answers and nothing of challenges or throttles; `StepUp` asks those whose form an
answer has and whose level is enough. An answer that is good is used up by being verified, whoever else
submits it at the same time. All of them pass the same tests, tests/unit/stepup/test_factors.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gatehouse.stepup.levels import reaches
from gatehouse.stepup.refusals import CodeRefused


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to confirm, as the person may choose it; `sent_to` is where a code goes, shortened."""

    id: str
    kind: str
    name: str = field(repr=False)
    sent_to: str = field(default="", repr=False)


class Factor(Protocol):
    """One kind of second factor. `about` stands for one request: 64 hexadecimal digits, see
    `gatehouse.stepup.binding.Tags.approval`; a kind whose answers can be bound to it, binds them."""

    @property
    def kind(self) -> str: ...

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """The ways in which the person can confirm with this kind."""

    def reads(self, answer: object) -> bool:
        """Whether `answer` has the form of an answer of this kind."""

    def candidates(self, person_id: str, about: str) -> int:
        """With how many secrets a guessed answer would be compared; 0 where none can be guessed."""

    def options(self, person_id: str, about: str) -> Mapping[str, Any] | None:
        """What a browser needs to make an answer; None where people type one."""

    def verify(self, person_id: str, answer: object, about: str) -> int:
        """Use up a good answer and return the number that stands for it; raises `CodeRefused`."""

    def remove(self, person_id: str) -> bool:
        """Forget what the person has of this kind; false when there was nothing."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A good answer: of which kind, and the number that stands for it."""

    kind: str
    step: int


class Factors:
    """The factors of one deployment, the usual one first; `levels` is what each kind is worth."""

    def __init__(self, factors: Sequence[Factor], levels: Mapping[str, str]) -> None:
        self._factors = tuple(factors)
        self._levels = levels

    def offers(self, person_id: str, level: str) -> tuple[Offer, ...]:
        """The ways in which the person can confirm what needs `level`."""
        return tuple(
            offer
            for one in self._factors
            if self.worth(one.kind, level)
            for offer in one.offers(person_id)
        )

    def kinds(self, person_id: str, level: str) -> tuple[str, ...]:
        """The kinds of `offers`, each once."""
        return tuple(dict.fromkeys(offer.kind for offer in self.offers(person_id, level)))

    def level(self, kind: str) -> str:
        """What an answer of `kind` is worth; "" for one that is worth nothing."""
        return self._levels.get(kind, "")

    def worth(self, kind: str, level: str) -> bool:
        return reaches(self.level(kind), level)

    def reading(self, answer: object) -> tuple[Factor, ...]:
        """The factors whose form `answer` has."""
        return tuple(one for one in self._factors if one.reads(answer))

    def options(self, person_id: str, level: str, about: str) -> Mapping[str, Any] | None:
        """What a browser needs to make an answer that is worth `level`; None when people type it."""
        every = (
            one.options(person_id, about) for one in self._factors if self.worth(one.kind, level)
        )
        return next((found for found in every if found is not None), None)

    def candidates(self, person_id: str, about: str) -> int:
        """With how many secrets a guess is compared: what a wrong code counts."""
        return sum(one.candidates(person_id, about) for one in self._factors)

    def verify(
        self, factors: Sequence[Factor], person_id: str, answer: object, about: str
    ) -> Passed:
        """Use up `answer` with the first of `factors` that it is good for; raises `CodeRefused`."""
        refused: list[CodeRefused] = []
        for one in factors:
            try:
                return Passed(one.kind, one.verify(person_id, answer, about))
            except CodeRefused as refusal:
                refused.append(refusal)
        raise _worst(refused)


_ORDER = ("cloned", "replayed", "wrong", "not_enrolled", "malformed")


def _worst(refused: Sequence[CodeRefused]) -> CodeRefused:
    """The refusal that says most; a slip for one factor is a slip."""
    told = min(refused, key=lambda one: _ORDER.index(one.reason))
    slip = told.reason == "wrong" and any(one.slip for one in refused)
    return CodeRefused(told.reason, told.step, slip=slip)
