"""Signing in keeps the session id that the browser shows."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.channel import cookies
from gatehouse.channel.signing_in import SigningIn
from gatehouse.identity.sessions import _TOKEN

FOUND_BY = "session-fixation"


def weaken(patch: pytest.MonkeyPatch) -> None:
    opened = SigningIn.open

    def keeping(self: SigningIn, request: Any, *rest: Any, **more: Any) -> Any:
        token, session = opened(self, request, *rest, **more)
        shown = request.cookies.get(cookies.SESSION)
        if shown and _TOKEN.fullmatch(shown):
            token, session = self._services.sessions._change(session.id, shown)
        return token, session

    patch.setattr(SigningIn, "open", keeping)
