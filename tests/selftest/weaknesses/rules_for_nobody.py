"""Rules are not asked: every request is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatehouse.dialogue.checkpoint import Checkpoint

FOUND_BY = "policy-paraphrase"


def weaken(patch: pytest.MonkeyPatch) -> None:
    decide = Checkpoint._decide

    def generous(self: Checkpoint, *arguments: Any) -> Any:
        request, decision = decide(self, *arguments)
        return request, replace(decision, effect="allow", step_up=None)

    patch.setattr(Checkpoint, "_decide", generous)
