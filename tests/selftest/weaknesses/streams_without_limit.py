"""A session may hold any number of event streams."""

from __future__ import annotations

import pytest

FOUND_BY = "stream-limit"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.streams.MOST_STREAMS", 10_000)
