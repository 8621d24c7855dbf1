"""A sign-in needs no form."""

from __future__ import annotations

import pytest

from gatehouse.channel.signing_in import SigningIn

FOUND_BY = "login-csrf"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SigningIn, "_check_door", lambda self, request: None)
