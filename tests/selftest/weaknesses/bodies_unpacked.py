"""Compressed bodies are unpacked without a bound."""

from __future__ import annotations

import gzip
import zlib

import pytest
from sanic.request import Request

from gatehouse.channel import body

FOUND_BY = "compressed-bodies"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def read_raw(request: Request, limit: int) -> bytes:
        raw = await body._receive(request, limit)
        coding = request.headers.get("content-encoding")
        return {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(coding, bytes)(raw)

    patch.setattr(body, "read_raw", read_raw)
