"""The REST channel of Rasa can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.channel import mounts

FOUND_BY = "stock-channels"


def weaken(patch: pytest.MonkeyPatch) -> None:
    is_ours = mounts.is_ours

    def opened(route: Any, app: Any) -> bool:
        stock = str(route.path).startswith("webhooks/")
        return stock or is_ours(route, app)

    patch.setattr(mounts, "is_ours", opened)
