"""A root that is far away, kept in memory: what the ring may expect of any key service, and less."""

from __future__ import annotations

import os
from collections.abc import Callable

from gatehouse.keys import KeyRingUnavailable, RootMissing, seal, unseal


class RemoteRoot:
    """Shared by every ring that is given it; `away` makes every call fail, `before` is called first."""

    kind = "file"
    local = False

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.away = False
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _verb: None

    def create(self, handle: str) -> None:
        self._called("create")
        assert handle not in self.keys
        self.keys[handle] = os.urandom(32)

    def wrap(self, handle: str, secret: bytes, associated: bytes) -> bytes:
        self._called("wrap")
        return seal(self._key(handle), secret, associated)

    def unwrap(self, handle: str, wrapped: bytes, associated: bytes) -> bytes:
        self._called("unwrap")
        return unseal(self._key(handle), wrapped, associated)

    def destroy(self, handle: str) -> None:
        self._called("destroy")
        self.keys.pop(handle, None)

    def irreversible_at(self, destroyed_at: float) -> float:
        return destroyed_at + 7 * 86_400

    def handles(self) -> frozenset[str]:
        self._called("handles")
        return frozenset(self.keys)

    def _key(self, handle: str) -> bytes:
        if handle not in self.keys:
            raise RootMissing("gone")
        return self.keys[handle]

    def _called(self, verb: str) -> None:
        self.calls.append(verb)
        self.before(verb)
        if self.away:
            raise KeyRingUnavailable("the key service does not answer")
