"""A message may have any length."""

from __future__ import annotations

import pytest

from gatehouse.channel import text

FOUND_BY = "long-text"


def weaken(patch: pytest.MonkeyPatch) -> None:
    normalise = text.normalise
    patch.setattr(
        "gatehouse.channel.messages.normalise", lambda given, limit: normalise(given, 1 << 20)[:50]
    )
