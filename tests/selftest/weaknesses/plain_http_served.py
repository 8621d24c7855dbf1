"""Who speaks plain HTTP is answered, with a cookie that travels in the open."""

from __future__ import annotations

import pytest

FOUND_BY = "plain-http"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gatehouse.ops.plain_http.answer",
        lambda begun, page: (
            b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 5\r\n"
            b"Connection: close\r\n\r\nhello"
        ),
    )
