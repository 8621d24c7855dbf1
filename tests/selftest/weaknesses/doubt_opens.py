"""Where the assistant is in doubt, the rules are not asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatehouse.dialogue.checkpoint import Checkpoint

FOUND_BY = "policy-doubt"


def weaken(patch: pytest.MonkeyPatch) -> None:
    decide = Checkpoint._decide

    def generous(self: Checkpoint, *arguments: Any) -> Any:
        request, decision = decide(self, *arguments)
        if (request.confidence or 0.0) < 0.97:
            decision = replace(decision, effect="allow", step_up=None)
        return request, decision

    patch.setattr(Checkpoint, "_decide", generous)
