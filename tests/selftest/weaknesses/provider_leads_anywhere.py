"""Who comes back from the provider is sent to where the query says."""

from __future__ import annotations

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, redirect

from gatehouse.channel.provider import ProviderPages

FOUND_BY = "provider-return"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def lenient(self: ProviderPages, request: Request) -> HTTPResponse:
        return redirect(request.args.get("next", "/chat"), status=303)

    patch.setattr(ProviderPages, "return_from_there", lenient)
