"""A sign-in may have name and password in the address."""

from __future__ import annotations

from typing import Any

import pytest
from sanic.request import Request

from gatehouse.channel.signing_in import SigningIn, _Credentials

FOUND_BY = "credentials-in-address"


def weaken(patch: pytest.MonkeyPatch) -> None:
    of_the_body = SigningIn._credentials

    async def given(self: SigningIn, request: Request) -> Any:
        if not request.args:
            return await of_the_body(self, request)
        return _Credentials(str(request.args.get("username")), str(request.args.get("password")))

    patch.setattr(SigningIn, "_credentials", given)
