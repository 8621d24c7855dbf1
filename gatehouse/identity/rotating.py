"""Signing keys that change by themselves: one per period, the old one good until its work is dead.

Each is a key of the ring with an expiry of its own, so that it is destroyed like any other: nothing
derives an old key from what is kept, and whoever copies the present one can sign for a period at
most. The newest signs; a verifier knows the one before and the one after too, for what was signed
just before a change and for clocks that differ. A key is never made in order to verify something.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from dataclasses import dataclass, field

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing

REMEMBERED = 30.0
"""Seconds for which a process uses a key without looking at the ring again."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """32 secret bytes and the name under which a verifier finds them."""

    id: str
    secret: bytes = field(repr=False)


class RotatingKeys:
    """The keys of one `purpose`, a new one every `period` seconds.

    A key lives `overlap` seconds longer than its period: at least as long as what it signed. Safe
    for threads, and for several processes that share the ring.
    """

    def __init__(
        self, ring: KeyRing, clock: Clock, purpose: str, period: float, overlap: float
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._purpose = purpose
        self._period = period
        self._overlap = overlap
        self._known: dict[int, tuple[SigningKey, float]] = {}
        self._lock = threading.Lock()

    def newest(self) -> SigningKey:
        """The key that signs now; made when its period begins."""
        number = int(self._clock.now() // self._period)
        known = self._remembered(number)
        if known is not None:
            return known
        expires_at = (number + 1) * self._period + self._overlap
        return self._remember(number, self._ring.data_key(self._name(number), expires_at))

    def find(self, key_id: str) -> bytes | None:
        """The secret of the key called `key_id`; None when there is none, or none any more."""
        number = _period_of(key_id)
        if number is None or abs(number - int(self._clock.now() // self._period)) > 1:
            return None
        known = self._remembered(number)
        if known is None:
            found = self._ring.find(self._name(number))
            if found is None:
                return None
            known = self._remember(number, found[0])
        return known.secret if hmac.compare_digest(known.id, key_id) else None

    def renew(self) -> None:
        """Destroy the present key and its neighbours, because one may be known to somebody.

        What they signed is refused at once in this process and within `REMEMBERED` seconds in
        every other; the next signature makes a new key.
        """
        number = int(self._clock.now() // self._period)
        self._ring.destroy([self._name(near) for near in (number - 1, number, number + 1)])
        with self._lock:
            self._known.clear()

    def _name(self, number: int) -> str:
        return f"{self._purpose} {number}"

    def _remembered(self, number: int) -> SigningKey | None:
        now = self._clock.now()
        with self._lock:
            known = self._known.get(number)
        if known is None or not 0 <= now - known[1] < REMEMBERED:
            return None
        over = now >= (number + 1) * self._period + self._overlap
        return None if over else known[0]

    def _remember(self, number: int, secret: bytes) -> SigningKey:
        digest = hashlib.sha256(b"gatehouse key id\n" + secret).hexdigest()
        key = SigningKey(f"{number}-{digest[:16]}", secret)
        now = self._clock.now()
        with self._lock:
            self._known = {
                near: known for near, known in self._known.items() if abs(near - number) <= 1
            }
            self._known[number] = (key, now)
        return key


def _period_of(key_id: str) -> int | None:
    number, dash, rest = key_id.partition("-")
    plain = number.isascii() and number.isdigit() and len(number) <= 12
    return int(number) if plain and dash and len(rest) == 16 else None
