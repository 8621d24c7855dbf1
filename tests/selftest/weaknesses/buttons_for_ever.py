"""A button may be pressed again and again."""

from __future__ import annotations

import pytest

from gatehouse.channel.buttons import Button, Buttons, ButtonSpent

FOUND_BY = "button-replay"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def take(self: Buttons, conversation_id: str, button_id: str, message_id: str) -> Button:
        kept = self._conversations.get(conversation_id)
        for group in kept.groups.values() if kept else ():
            if button_id in group.buttons:
                return group.buttons[button_id]
        raise ButtonSpent

    patch.setattr(Buttons, "take", take)
