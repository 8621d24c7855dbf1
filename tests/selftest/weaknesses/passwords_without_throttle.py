"""Passwords are tried without a wait."""

from __future__ import annotations

import pytest

from gatehouse.identity.throttle import Backoff

FOUND_BY = "password-guessing"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "delay", lambda self, failures: 0.0)
