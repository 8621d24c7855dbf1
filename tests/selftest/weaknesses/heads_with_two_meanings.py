"""Heads that can be read in two ways are taken."""

from __future__ import annotations

import pytest

FOUND_BY = "request-boundaries"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.framing.check", lambda request: None)
