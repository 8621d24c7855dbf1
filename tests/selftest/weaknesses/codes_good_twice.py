"""A code can be used again while its time lasts."""

from __future__ import annotations

import pytest

from gatehouse.stepup.authenticators import Authenticators

FOUND_BY = "code-replay"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Authenticators, "take_step", lambda self, *arguments, **more: True)
