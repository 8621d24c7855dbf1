"""What needs a second factor is carried out without one."""

from __future__ import annotations

import pytest

from gatehouse.dialogue.checkpoint import Checkpoint

FOUND_BY = "step-up-skipped"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Checkpoint, "_redeemed", lambda self, *arguments, **more: True)
