"""A refused sign-in says when there is no such person."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.channel.failures import ApiError
from gatehouse.channel.signing_in import SigningIn

FOUND_BY = "user-enumeration"


def weaken(patch: pytest.MonkeyPatch) -> None:
    checked = SigningIn._checked

    def telling(self: SigningIn, given: Any, *rest: Any) -> Any:
        if self._services.directory.by_username(given.username) is None:
            raise ApiError(401, "sign_in_refused", "There is nobody of this name.")
        return checked(self, given, *rest)

    patch.setattr(SigningIn, "_checked", telling)
