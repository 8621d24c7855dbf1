"""Browsers are not told to use HTTPS only."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sanic.response import BaseHTTPResponse

from gatehouse.channel import headers

FOUND_BY = "security-headers"


def weaken(patch: pytest.MonkeyPatch) -> None:
    secure = headers.secure

    def without(response: BaseHTTPResponse, wanted: Mapping[str, str]) -> None:
        secure(response, wanted)
        response.headers.popall("Strict-Transport-Security", None)

    patch.setattr("gatehouse.channel.web.secure", without)
