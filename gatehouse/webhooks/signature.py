"""The signature of a message, as the Standard Webhooks specification defines it.

HMAC-SHA-256 over `id.timestamp.body`, in base64 after the version `v1`. A message may carry several
signatures, one per secret, which is how a secret is rotated without losing messages. Must never
compare in a way that tells how much was right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable

from gatehouse.errors import InvalidInput

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
TOLERANCE = 300  # seconds that a message may be old or ahead
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a secret, by the specification
_MOST_SIGNATURES = 10


def read_secret(text: str, where: str) -> bytes:
    """The key in `text`: `whsec_` and 24 to 64 bytes in base64. Raises `InvalidInput`."""
    given = text.strip()
    try:
        key = base64.b64decode(given.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not given.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise InvalidInput(
            f"{where}: not a webhook secret",
            "write whsec_ and 24 to 64 random bytes in base64; `gatehouse webhooks secret` makes one",
        )
    return key


def write_secret(key: bytes) -> str:
    """`key` as text that `read_secret` takes."""
    return _PREFIX + base64.b64encode(key).decode("ascii")


def sign(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`: one signature per key, in the given order."""
    return " ".join(f"v1,{_mac(key, message_id, timestamp, body)}" for key in keys)


def is_signed(
    keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes, header: str
) -> bool:
    """Whether one of the signatures in `header` is right under one of `keys`."""
    given = [
        item.removeprefix("v1,").encode("utf-8", "replace")
        for item in header.split(" ")[:_MOST_SIGNATURES]
        if item.startswith("v1,")
    ]
    right = False
    for key in keys:
        expected = _mac(key, message_id, timestamp, body).encode("ascii")
        for signature in given:
            right |= hmac.compare_digest(expected, signature)
    return right


def _mac(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode("ascii")
