"""A change of second factors is made whatever is given as its proof."""

from __future__ import annotations

import pytest

from gatehouse.identity import Person
from gatehouse.stepup.own_factors import Outcome, OwnFactors

FOUND_BY = "factor-changes"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def believe(self: OwnFactors, person: Person, *rest: object, **more: object) -> Outcome:
        return Outcome(codes=("made-up-code",))

    patch.setattr(OwnFactors, "answer", believe)
