"""The page repeats what stands in its address."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel.pages import Pages

FOUND_BY = "script-in-answers"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def chat(self: Pages, request: Request) -> HTTPResponse:
        words = unquote(request.query_string).encode()
        page = self._page.replace(b"</body>", words + b"</body>")
        return raw(page, content_type="text/html; charset=utf-8")

    patch.setattr(Pages, "chat", chat)
