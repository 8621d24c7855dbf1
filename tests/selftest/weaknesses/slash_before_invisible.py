"""Slashes are taken out before invisible characters are, so that one of these hides a slash."""

from __future__ import annotations

import pytest

from gatehouse.channel import text as channel_text

FOUND_BY = "intent-payloads"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def normalise(text: str, limit: int) -> str:
        plain = text.strip().lstrip("/")
        kept = "".join(sign for sign in plain if channel_text._is_kept(sign))
        return kept.strip()

    patch.setattr("gatehouse.channel.messages.normalise", normalise)
