"""Keeps signed-in people served while strangers flood: decided first, before anything is read.

A request that does not show a session which was good a moment ago takes from one small allowance
that all strangers share. When it is used up, strangers are told to come back, at the price of looking
up one hash. A made-up cookie makes nobody known: only a session that was resolved does.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict

from sanic.request import Request

from gatehouse import metrics
from gatehouse.channel.failures import ApiError

MOST_KNOWN = 50_000
KNOWN_FOR = 600.0  # seconds since the session was last found to be good
BURST = 2.0  # seconds of allowance that may come at once


class Shedding:
    """The allowance of strangers: `per_second` requests of all of them together."""

    def __init__(self, cookie: str, per_second: int) -> None:
        self._cookie = cookie
        self._rate = float(per_second)
        self._left = self._rate * BURST
        self._at = time.monotonic()
        self._known: OrderedDict[bytes, float] = OrderedDict()

    def admit(self, request: Request) -> None:
        """Let `request` go on or raise `ApiError` 503; it takes from the allowance of strangers
        unless it shows a session that was good lately."""
        now = time.monotonic()
        if self._is_known(request.cookies.get(self._cookie) or access_token(request), now):
            return
        self._left = min(self._rate * BURST, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            metrics.THROTTLED.add(what="shed")
            if request.stream is not None:
                request.stream.keep_alive = (
                    False  # or refused strangers would keep their connections
                )
            raise ApiError(
                503, "busy", "Many people are at the door. Please try again.", retry_after=1
            )
        self._left -= 1

    def good(self, token: str) -> None:
        """The session of `token` was found to be good just now."""
        key = _key(token)
        self._known[key] = time.monotonic()
        self._known.move_to_end(key)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def forget(self, token: str) -> None:
        """The session of `token` is over."""
        self._known.pop(_key(token), None)

    def _is_known(self, token: str | None, now: float) -> bool:
        if not token or len(token) > 256:
            return False
        seen = self._known.get(_key(token))
        return seen is not None and now - seen < KNOWN_FOR


def access_token(request: Request) -> str | None:
    """The access token that `request` shows, if it shows one and nothing else."""
    shown = request.headers.getall("authorization", [])
    scheme, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return token if scheme.lower() == "dpop" else None


def _key(token: str) -> bytes:
    # A hash, so that the memory of this process does not collect what opens a session.
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()
