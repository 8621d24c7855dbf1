"""Answers allow other origins, with credentials, as those of Rasa do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sanic.response import BaseHTTPResponse

from gatehouse.channel import headers

FOUND_BY = "cors"


def weaken(patch: pytest.MonkeyPatch) -> None:
    secure = headers.secure

    def open_to_all(response: BaseHTTPResponse, wanted: Mapping[str, str]) -> None:
        secure(response, wanted)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Credentials"] = "true"

    patch.setattr("gatehouse.channel.web.secure", open_to_all)
