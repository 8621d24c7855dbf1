"""A session is good in whatever browser shows its cookie."""

from __future__ import annotations

import pytest

from gatehouse.identity.sessions import Sessions

FOUND_BY = "stolen-cookie"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sessions, "_is_of", lambda self, row, user_agent: True)
