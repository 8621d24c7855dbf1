"""Signing out takes the cookie away and ends nothing on the server."""

from __future__ import annotations

import pytest

from gatehouse.identity.sessions import Sessions

FOUND_BY = "ended-sessions"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sessions, "_end", lambda self, condition, reason: 1)
