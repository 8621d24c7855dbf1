"""The history is sent as a page instead of as data."""

from __future__ import annotations

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel.messages import Messages

FOUND_BY = "script-in-answers"


def weaken(patch: pytest.MonkeyPatch) -> None:
    history = Messages.history

    async def as_page(self: Messages, request: Request) -> HTTPResponse:
        response = await history(self, request)
        return raw(response.body, content_type="text/html; charset=utf-8")

    patch.setattr(Messages, "history", as_page)
