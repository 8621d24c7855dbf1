"""Codes are looked at without end, and no request is cancelled."""

from __future__ import annotations

import pytest

from gatehouse.identity.throttle import Standing
from gatehouse.stepup.challenges import Challenges
from gatehouse.stepup.throttle import CodeThrottle

FOUND_BY = "code-guessing"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CodeThrottle, "check", lambda self, *given: Standing(0, 0.0, False))
    patch.setattr(Challenges, "take_attempt", lambda self, *given: 5)
