"""A message is remembered once it was answered, and not before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gatehouse.channel.repeats import Repeats
from gatehouse.channel.replies import Reply

FOUND_BY = "message-race"


def weaken(patch: pytest.MonkeyPatch) -> None:
    answers: dict[tuple[str, str], Reply] = {}

    async def once(
        self: Repeats,
        session: str,
        message: str,
        content: str,
        turn: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        if (session, message) not in answers:
            answers[session, message] = await turn()
        return answers[session, message]

    patch.setattr(Repeats, "once", once)
