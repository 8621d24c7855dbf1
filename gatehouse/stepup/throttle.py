"""How many codes may be tried, and how fast.

Counted per authenticator, before the code is looked at. A guess is right with probability 2 in a
million (two steps are good); at most 50 wrong codes in a row are ever looked at, so guessing until
the lock succeeds with probability 1 - (1 - 2e-6)^50 < 0.0001. A good code clears the count; only a
new enrolment lifts the lock.
"""

from __future__ import annotations

from gatehouse.clock import Clock
from gatehouse.identity.throttle import Backoff, Throttle
from gatehouse.stepup import schema

PER_AUTHENTICATOR = Backoff(free=3, base=1.0, longest=900.0, lock_at=50)
"""Three wrong codes cost nothing, then 1 s, 2 s, 4 s … 15 min (NIST SP 800-63B-4 section 3.2.2)."""


def code_throttle(clock: Clock, backoff: Backoff = PER_AUTHENTICATOR) -> Throttle:
    """The counters of all authenticators, by authenticator id."""
    return Throttle(schema.code_throttle, backoff, clock)
