"""A person may send any number of messages."""

from __future__ import annotations

import pytest

from gatehouse.channel.speakers import Speakers

FOUND_BY = "message-flood"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def admit(self: Speakers, window: object, key: str, person: str | None = None) -> None:
        return None

    patch.setattr(Speakers, "admit", admit)
