"""For a name that nobody has no password is hashed."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.channel.signing_in import SigningIn, _sign_in_answer
from gatehouse.identity import SignInRefused
from gatehouse.identity.passwords import PasswordHasher

FOUND_BY = "user-enumeration-time"


HASHES = 8  # as a slower profile would take, so that it shows on a busy machine


def weaken(patch: pytest.MonkeyPatch) -> None:
    checked, hash_of = SigningIn._checked, PasswordHasher.hash

    def quick(self: SigningIn, given: Any, *rest: Any) -> Any:
        directory = self._services.directory
        if directory.by_username(given.username) is None:
            raise _sign_in_answer(SignInRefused("credentials"))
        for _ in range(HASHES):
            hash_of(directory._hasher, given.password)
        return checked(self, given, *rest)

    patch.setattr(SigningIn, "_checked", quick)
