"""A sign-in may have name and password in the address."""

from __future__ import annotations

from typing import Any

import pytest
from sanic.request import Request

from gatehouse.channel.signing_in import SigningIn, _Credentials

FOUND_BY = "credentials-in-address"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def given(self: SigningIn, request: Request) -> Any:
        return _Credentials(str(request.args.get("username")), str(request.args.get("password")))

    patch.setattr(SigningIn, "_credentials", given)
