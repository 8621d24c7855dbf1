"""What every second factor that is typed as a code can do, and the factors of one deployment.

A factor knows its codes and nothing of challenges or throttles; `StepUp` asks the one whose form a
code has. A code that is good is used up by being verified, whoever else submits it at the same time.
All of them pass the same tests, tests/unit/stepup/test_factors.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Factor(Protocol):
    """One kind of second factor."""

    @property
    def kind(self) -> str: ...

    def enrolled(self, person_id: str) -> bool:
        """Whether the person can give a good code of this kind."""

    def reads(self, text: object) -> bool:
        """Whether `text` has the form of a code of this kind."""

    def verify(self, person_id: str, code: object) -> int:
        """Use up a good code and return the number that stands for it; raises `CodeRefused`."""

    def remove(self, person_id: str) -> bool:
        """Forget what the person has of this kind; false when there was nothing."""


class Factors:
    """The factors of one deployment, the usual one first."""

    def __init__(self, factors: Sequence[Factor]) -> None:
        self._factors = tuple(factors)

    def enrolled(self, person_id: str) -> tuple[str, ...]:
        """The kinds with which the person can confirm a request."""
        return tuple(one.kind for one in self._factors if one.enrolled(person_id))

    def of(self, code: object) -> Factor | None:
        """The factor whose form `code` has."""
        return next((one for one in self._factors if one.reads(code)), None)
