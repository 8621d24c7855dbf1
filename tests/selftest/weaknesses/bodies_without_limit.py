"""A body is read to its end, however long it is."""

from __future__ import annotations

import pytest
from sanic.request import Request

from gatehouse.channel import body

FOUND_BY = "oversized-bodies"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def receive(request: Request, limit: int) -> bytes:
        request.stream.request_max_size = 1 << 30
        raw = bytearray()
        while (part := await request.stream.read()) is not None:
            raw += part
        return bytes(raw)

    patch.setattr(body, "_receive", receive)
