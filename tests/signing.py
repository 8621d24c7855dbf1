"""Signing keys that stand still, for tests that are not about their rotation."""

from __future__ import annotations

import hashlib

from gatehouse.identity import SigningKey


class FixedKeys:
    """One key for ever, and any older ones that are still good."""

    def __init__(self, seed: bytes, *older: bytes) -> None:
        self._keys = {_named(secret).id: _named(secret) for secret in (seed, *older)}
        self._newest = _named(seed)

    def newest(self) -> SigningKey:
        return self._newest

    def find(self, key_id: str) -> bytes | None:
        found = self._keys.get(key_id)
        return None if found is None else found.secret


def _named(seed: bytes) -> SigningKey:
    return SigningKey(hashlib.sha256(seed).hexdigest()[:16], seed)
