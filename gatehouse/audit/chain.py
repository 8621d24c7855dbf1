"""How an entry is written down and chained to the one before.

The canonical form is JSON with sorted keys, no spaces and ASCII only, so that the same entry has
one byte sequence; those bytes are the leaf of the Merkle tree. The chain value is
HMAC-SHA-256(key, sequence ‖ previous chain value ‖ body): whoever may write to the database but does
not hold the key cannot alter, drop, insert, move or swap entries unseen, not even those that no
checkpoint covers yet.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

GENESIS = bytes(32)


def canonical(body: Mapping[str, object]) -> str:
    """`body` in its canonical form; raises `ValueError` on NaN or infinity."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


class Chain:
    """Chain values under `key` (32 bytes); the keyed state is made once, half the cost of each."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")

    def link(self, sequence: int, previous: bytes, body: bytes) -> bytes:
        """The 32-byte value of the entry `sequence` (from 1) with `body`, after `previous`."""
        state = self._keyed.copy()
        state.update(sequence.to_bytes(8, "big") + previous + body)
        return state.digest()


def link_v1(key: bytes, previous: bytes, body: str) -> bytes:
    """The chain value of logs before the tree, which did not bind the position."""
    return hmac.digest(key, previous + body.encode("ascii"), "sha256")
