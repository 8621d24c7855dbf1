"""A message that is sent again is handled again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gatehouse.channel.repeats import Repeats
from gatehouse.channel.replies import Reply

FOUND_BY = "message-replay"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def once(
        self: Repeats,
        session: str,
        message: str,
        content: str,
        turn: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        return await turn()

    patch.setattr(Repeats, "once", once)
