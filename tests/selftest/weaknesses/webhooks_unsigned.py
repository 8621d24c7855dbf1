"""Webhook messages are taken without a signature."""

from __future__ import annotations

import pytest

FOUND_BY = "webhook-takeover"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.webhooks.incoming.is_signed", lambda *arguments: True)
