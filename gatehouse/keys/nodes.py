"""What the sealed nodes of the key ring contain, and their bytes.

Three levels: the *top* (service keys and one key per bucket), a *bucket* per expiry day (one key
per page and the tag key), and a *page* (the data keys of some of the day's names). Two buckets
have no day: legal holds and kept keys. Values are
plain data and never changed in place by a reader; nothing here seals, stores or reads a clock.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Final

from gatehouse.keys.errors import KeyRingDamaged

SHARDS: Final = 256
# Buckets that no day ends. A hold keeps a second copy of a data key; a kept key has no expiry.
HELD: Final = 2**31 - 1
KEPT: Final = 2**31 - 2
_DAY: Final = 86_400
_ENTRY: Final = struct.Struct(">32s32sdq")


@dataclass(frozen=True, slots=True)
class Entry:
    """A data key, when it expires (epoch seconds) and how far its records go."""

    key: bytes
    expires_at: float
    position: int

    def alive(self, now: float) -> bool:
        return now < self.expires_at


@dataclass(slots=True)
class Top:
    """Service keys by purpose and bucket keys by day."""

    services: dict[str, bytes] = field(default_factory=dict)
    buckets: dict[int, bytes] = field(default_factory=dict)

    def copy(self) -> Top:
        return Top(dict(self.services), dict(self.buckets))

    def encode(self) -> bytes:
        node = {"services": _texts(self.services), "buckets": _texts(self.buckets)}
        return json.dumps(node).encode()

    @classmethod
    def decode(cls, data: bytes) -> Top:
        try:
            node = json.loads(data)
            return cls(
                {name: bytes.fromhex(key) for name, key in node["services"].items()},
                {int(day): bytes.fromhex(key) for day, key in node["buckets"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingDamaged("the key ring's top cannot be read") from None


@dataclass(slots=True)
class Bucket:
    """The page keys of one expiry day, and the key of the tags that die with it."""

    tag_key: bytes
    pages: dict[int, bytes] = field(default_factory=dict)

    def copy(self) -> Bucket:
        return Bucket(self.tag_key, dict(self.pages))

    def encode(self) -> bytes:
        return json.dumps({"tag_key": self.tag_key.hex(), "pages": _texts(self.pages)}).encode()

    @classmethod
    def decode(cls, data: bytes) -> Bucket:
        try:
            node = json.loads(data)
            pages = {int(shard): bytes.fromhex(key) for shard, key in node["pages"].items()}
            return cls(bytes.fromhex(node["tag_key"]), pages)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingDamaged("a bucket of the key ring cannot be read") from None


Page = dict[bytes, Entry]


def encode_page(page: Page) -> bytes:
    """80 bytes per entry: digest of the name, key, expiry, position."""
    return b"".join(
        _ENTRY.pack(digest, entry.key, entry.expires_at, entry.position)
        for digest, entry in page.items()
    )


def decode_page(data: bytes) -> Page:
    """The page of `encode_page`. Raises `KeyRingDamaged`."""
    if len(data) % _ENTRY.size:
        raise KeyRingDamaged("a page of the key ring cannot be read")
    return {
        digest: Entry(key, expires_at, position)
        for digest, key, expires_at, position in _ENTRY.iter_unpack(data)
    }


def find_entry(data: bytes, digest: bytes) -> Entry | None:
    """One entry of an encoded page, without decoding the others."""
    start = data.find(digest)
    while start >= 0 and start % _ENTRY.size:  # a chance match inside another entry
        start = data.find(digest, start + 1)
    if start < 0:
        return None
    _, key, expires_at, position = _ENTRY.unpack_from(data, start)
    return Entry(key, expires_at, position)


def digest_of(name: str) -> bytes:
    """How a name is written in a page."""
    return hashlib.sha256(name.encode()).digest()


def shard_of(digest: bytes) -> int:
    """The page of a bucket that holds `digest`."""
    return digest[0] % SHARDS


def expiry_day(expires_at: float) -> int:
    """The bucket of an expiry: whole days since the epoch, UTC."""
    return int(expires_at // _DAY)


def day_is_over(day: int, now: float) -> bool:
    """Whether every key in the bucket of `day` has expired at `now`."""
    return now >= (day + 1) * _DAY


def _texts(keys: dict[str, bytes] | dict[int, bytes]) -> dict[str, str]:
    return {str(name): key.hex() for name, key in keys.items()}
