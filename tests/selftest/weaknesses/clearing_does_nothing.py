"""A conversation that is cleared stays."""

from __future__ import annotations

import pytest

from gatehouse.tracker import Conversations

FOUND_BY = "cleared-conversation"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Conversations, "carry_out", lambda self, conversation_id: [])
