"""The CSRF token is not compared."""

from __future__ import annotations

import pytest

FOUND_BY = "csrf-token"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.speakers.check_csrf", lambda request, expected: None)
