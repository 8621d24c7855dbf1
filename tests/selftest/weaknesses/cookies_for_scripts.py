"""Scripts can read the session cookie, and other sites can have it sent."""

from __future__ import annotations

from typing import Any

import pytest
from sanic.response import HTTPResponse

from gatehouse.channel import cookies

FOUND_BY = "cookie-attributes"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def loose(response: HTTPResponse, name: str, value: str, **more: Any) -> None:
        response.add_cookie(
            name.removeprefix("__Host-"),
            value,
            host_prefix=True,
            secure=True,
            httponly=False,
            samesite="Lax",
            path="/",
        )

    patch.setattr(cookies, "_set", loose)
