"""Windows that several serving processes share, kept in Redis by the `limits` library.

One process needs none of this: its own windows are bounded and need no server. With several, a person
would otherwise have the allowance once per process. When Redis does not answer, each process
goes on with its own windows, so that nobody is let in more often than that and nobody is kept out.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from gatehouse.channel.limits import Window
from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys import KeyRing
from gatehouse.logs import get_logger
from gatehouse.settings import Settings

log = get_logger(__name__)

ANSWER = 0.5  # seconds that Redis may take
AGAIN = 5.0  # seconds until it is asked again after it did not answer


class Windows:
    """Makes the windows of one deployment: local ones, or shared where `limits.store` names a Redis."""

    def __init__(self, clock: Clock, settings: Settings, ring: KeyRing) -> None:
        self._clock = clock
        url = settings.limits_url()
        self._shared = _Redis(url, ring.service_key("shared limits")) if url else None

    def window(self, limit: int, seconds: int = 60, *, what: str) -> Limiter:
        """At most `limit` events per key in `seconds`; `what` names it in the log."""
        return Limiter(Window(self._clock, limit, seconds, what=what), limit, what, self._shared)

    async def close(self) -> None:
        """Close the connections."""
        if self._shared is not None:
            await self._shared.close()


class Limiter:
    """One window, shared if there is something to share it through."""

    def __init__(self, local: Window, limit: int, what: str, shared: _Redis | None) -> None:
        self._local = local
        self._item = RateLimitItemPerSecond(
            limit, int(local.seconds), namespace=f"gatehouse {what}"
        )
        self._shared = shared

    async def count(self, key: str) -> None:
        """Count one event of `key`; raises `TooMany` when the window is full."""
        self._local.count(key)
        if self._shared is not None:
            wait = await self._shared.wait(self._item, key)
            if wait is not None:
                raise self._local.full(key, wait)


class _Redis:
    """The storage, and whether it answers at the moment."""

    def __init__(self, url: str, key: bytes) -> None:
        self._key = key
        try:
            storage: Any = storage_from_string(
                f"async+{url}",
                implementation="redispy",
                wrap_exceptions=True,
                socket_timeout=ANSWER,
                socket_connect_timeout=ANSWER,
            )
        except (ConfigurationError, ValueError) as error:
            raise InvalidInput(
                "limits.store: not the address of a Redis", "redis://host:6379/0 or rediss://…"
            ) from error
        self._storage: Storage = storage
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._asked_again_at = 0.0

    async def wait(self, item: RateLimitItem, key: str) -> int | None:
        """Count `key`; None when it may pass, else the seconds to wait. Passes without Redis."""
        # Redis learns no address and no person.
        key = hashlib.blake2b(key.encode(), key=self._key, digest_size=16).hexdigest()
        if time.monotonic() < self._asked_again_at:
            return None
        try:
            async with asyncio.timeout(2 * ANSWER):
                if await self._limiter.hit(item, key):
                    return None
                reset, _ = await self._limiter.get_window_stats(item, key)
        except (StorageError, TimeoutError, OSError):
            self._asked_again_at = time.monotonic() + AGAIN
            log.warning("the shared limits do not answer; each process counts by itself")
            return None
        return max(1, math.ceil(reset - time.time()))

    async def close(self) -> None:
        connection = getattr(getattr(self._storage, "bridge", None), "storage", None)
        if connection is not None:
            await connection.aclose()
