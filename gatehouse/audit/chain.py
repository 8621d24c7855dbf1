"""How an entry is written down and chained to the one before.

The canonical form is JSON with sorted keys, no spaces and ASCII only, so that the same entry has
one byte sequence. The chain value is HMAC-SHA-256(key, previous chain value ‖ body): whoever may
write to the database but does not hold the key cannot alter, drop, insert or swap entries unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

GENESIS = bytes(32)


def canonical(body: Mapping[str, object]) -> str:
    """`body` in its canonical form; raises `ValueError` on NaN or infinity."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def link(key: bytes, previous: bytes, body: str) -> bytes:
    """The 32-byte chain value of `body` after `previous`."""
    return hmac.new(key, previous + body.encode("ascii"), hashlib.sha256).digest()
