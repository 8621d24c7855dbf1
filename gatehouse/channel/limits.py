"""How often something may happen: a sliding window per key, in memory.

Bounded: a flood of new keys costs a fixed amount of memory. Never used for second-factor codes,
whose counters must survive a restart.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError

MOST_KEYS = 20_000


class TooMany(GatehouseError):
    """The window is full; `retry_after` is the number of whole seconds to wait."""

    def __init__(self, retry_after: int, what: str = "", *, first: bool = True) -> None:
        """`what` names the window, `first` is the first refusal of this key since it was admitted."""
        super().__init__("too many requests", f"try again in {retry_after} s")
        self.retry_after = retry_after
        self.what = what
        self.first = first


class Window:
    """At most `limit` events per key in any `seconds` seconds."""

    def __init__(self, clock: Clock, limit: int, seconds: float = 60.0, *, what: str = "") -> None:
        self._what = what
        self._told: set[str] = set()
        self._clock = clock
        self._limit = limit
        self._seconds = seconds
        self._events: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """How long an event counts."""
        return self._seconds

    def full(self, key: str, wait: int) -> TooMany:
        """The refusal of `key`, for who counts somewhere else; `wait` is in seconds."""
        with self._lock:
            first = key not in self._told
            self._told.add(key)
        return TooMany(wait, self._what, first=first)

    def count(self, key: str) -> None:
        """Count one event of `key`; raises `TooMany` (and does not count) when the window is full."""
        now = self._clock.now()
        with self._lock:
            events = self._events.setdefault(key, deque())
            self._events.move_to_end(key)
            # A clock that was set back must not lock anybody out for longer than one window.
            while events and not now - self._seconds < events[0] <= now:
                events.popleft()
            if len(events) >= self._limit:
                first = key not in self._told
                self._told.add(key)
                wait = max(1, math.ceil(events[0] + self._seconds - now))
                raise TooMany(wait, self._what, first=first)
            self._told.discard(key)
            events.append(now)
            while len(self._events) > MOST_KEYS:
                self._told.discard(self._events.popitem(last=False)[0])
