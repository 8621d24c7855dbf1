"""The head of a request may have any size."""

from __future__ import annotations

import pytest
from sanic.http import Http

FOUND_BY = "large-heads"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Http, "HEADER_MAX_SIZE", 1 << 24)
