"""Refusals carry no content security policy."""

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
        if response.status >= 400:
            response.headers.popall("Content-Security-Policy", None)

    patch.setattr("gatehouse.channel.web.secure", without)
