"""The channel hands texts on as they come, with their leading slash."""

from __future__ import annotations

import pytest

FOUND_BY = "intent-payloads"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.messages.normalise", lambda text, limit: text.strip())
