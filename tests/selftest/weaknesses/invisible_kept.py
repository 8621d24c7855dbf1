"""Invisible and direction-changing characters are kept."""

from __future__ import annotations

import pytest

FOUND_BY = "invisible-text"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.messages.normalise", lambda text, limit: text.lstrip("/ "))
    patch.setattr("gatehouse.channel.replies.clean", lambda text: text)
