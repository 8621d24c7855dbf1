"""Every answer names the server and its version."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sanic
from sanic.response import BaseHTTPResponse

from gatehouse.channel import headers

FOUND_BY = "version-disclosure"


def weaken(patch: pytest.MonkeyPatch) -> None:
    secure = headers.secure

    def telling(response: BaseHTTPResponse, wanted: Mapping[str, str]) -> None:
        secure(response, wanted)
        response.headers["Server"] = f"Sanic/{sanic.__version__}"

    patch.setattr("gatehouse.channel.web.secure", telling)
