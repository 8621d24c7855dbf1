"""Codes that are typed into the chat are handed on and kept."""

from __future__ import annotations

import pytest

from gatehouse.channel.text import FoundCode

FOUND_BY = "code-in-history"


def weaken(patch: pytest.MonkeyPatch) -> None:
    nothing = FoundCode(None, False, False)
    patch.setattr("gatehouse.channel.turns.find_code", lambda text, *, waiting=False: nothing)
    patch.setattr("gatehouse.channel.turns.masked", lambda text: text)
