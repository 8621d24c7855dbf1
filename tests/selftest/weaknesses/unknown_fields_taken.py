"""Bodies may have fields that the protocol does not know."""

from __future__ import annotations

import pytest

FOUND_BY = "fields-in-body"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.speakers.only", lambda body, names: None)
