"""Refusals tell which webhooks there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gatehouse.channel.failures import ApiError
from gatehouse.channel.hooks import Hooks

FOUND_BY = "webhook-forgery"


def weaken(patch: pytest.MonkeyPatch) -> None:
    take = Hooks._take

    def telling(self: Hooks, name: str, headers: Mapping[str, str], *rest: Any) -> bool:
        if not self._services.receiver.knows(name):
            raise ApiError(404, "not_found", "There is no such webhook.")
        return take(self, name, headers, *rest)

    patch.setattr(Hooks, "_take", telling)
