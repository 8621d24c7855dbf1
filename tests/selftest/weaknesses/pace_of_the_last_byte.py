"""The time of a request begins again with every byte, as Sanic has it."""

from __future__ import annotations

import pytest
from sanic.server.protocols.http_protocol import HttpProtocol

FOUND_BY = "slow-requests"


def weaken(patch: pytest.MonkeyPatch) -> None:
    original = HttpProtocol.data_received.__closure__[0].cell_contents
    patch.setattr(HttpProtocol, "data_received", original)
