"""An access token is given without a look at the assertion that should prove the front end."""

from __future__ import annotations

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, json

from gatehouse.channel.front_ends import FrontEndPages

FOUND_BY = "front-end-keys"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def lenient(self: FrontEndPages, request: Request) -> HTTPResponse:
        await self._speakers.body(request, "client_assertion", "code", "scopes")
        return json({"access_token": "made-up", "token_type": "DPoP", "expires_in": 600})

    patch.setattr(FrontEndPages, "token", lenient)
