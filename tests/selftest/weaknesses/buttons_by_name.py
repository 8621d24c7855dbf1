"""The id of a button may be the name of an intent."""

from __future__ import annotations

import pytest

from gatehouse.channel.replies import Reply
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.turns import Turns

FOUND_BY = "button-forgery"


def weaken(patch: pytest.MonkeyPatch) -> None:
    press = Turns._press

    async def named(self: Turns, speaker: Speaker, message_id: str, button_id: str) -> Reply:
        if button_id.islower() and "_" in button_id:
            return await self._ask_rasa(speaker, message_id, f"/{button_id}", {})
        return await press(self, speaker, message_id, button_id)

    patch.setattr(Turns, "_press", named)
