"""Neither a code nor the request that waited for it is used up."""

from __future__ import annotations

import pytest

from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.challenges import Challenges

FOUND_BY = "code-race"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Authenticators, "take_step", lambda self, *arguments, **more: True)
    patch.setattr(Challenges, "claim", lambda self, challenge_id, step: True)
