"""What people and conversations are called in the log: keyed pseudonyms whose keys can die.

A person has a key of their own in the key ring until they are erased, mixed with a key that belongs
to a quarter of a year and is destroyed when the log's names of that quarter have lived long enough.
A conversation has a key of its own that expires with it. Once a key is gone nobody can compute or
confirm a pseudonym made with it, not with every backup in hand, while the entries and their proofs
stay as they are. No key and no pseudonym is kept in memory.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Protocol

from gatehouse.clock import Clock
from gatehouse.keys import KeyRing, UnknownKey

PERIOD = 90 * 86_400  # seconds that one period key is used for
_SEARCHED = 40  # periods (ten years) that are looked through for keys that are due


class Pseudonyms(Protocol):
    """Names a person or a conversation; `kind` is one of the two words."""

    def of(self, kind: str, identity: str) -> str:
        """The pseudonym for a new entry. Raises a `GatehouseError` when there can be none."""
        ...

    def known(self, kind: str, identity: str) -> list[str]:
        """Every pseudonym of that identity that can still be computed, newest first."""
        ...

    def expire(self) -> int:
        """Destroy the keys that are due; how many there were."""
        ...


def ring_names(*, people: Iterable[str] = (), conversations: Iterable[str] = ()) -> list[str]:
    """The names in the key ring to destroy, so that the log no longer says who or which."""
    return [*(_person(who) for who in people), *(_conversation(which) for which in conversations)]


class FixedPseudonyms:
    """Pseudonyms under one key that never dies: for tools and tests that have no key ring."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, kind: str, identity: str) -> str:
        return _pseudonym(self._key, kind, identity)

    def known(self, kind: str, identity: str) -> list[str]:
        return [self.of(kind, identity)]

    def expire(self) -> int:
        return 0


class RingPseudonyms:
    """Pseudonyms under keys of `ring`.

    `person_lifetime` and `conversation_lifetime` are in seconds. A person's pseudonym can be
    computed for at least the former after an entry, a conversation's for at most the latter.
    """

    def __init__(
        self, ring: KeyRing, clock: Clock, person_lifetime: float, conversation_lifetime: float
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._periods = int(-(-person_lifetime // PERIOD)) + 1
        self._conversation_lifetime = conversation_lifetime

    def of(self, kind: str, identity: str) -> str:
        if kind == "person":
            own = self._ring.kept_key(_person(identity))
            period = self._ring.kept_key(_period(self._now()))
            return _pseudonym(_mixed(own, period), kind, identity)
        return _pseudonym(self._conversation_key(identity), kind, identity)

    def known(self, kind: str, identity: str) -> list[str]:
        if kind != "person":
            found = self._ring.find(_conversation(identity))
            return [_pseudonym(found[0], kind, identity)] if found else []
        own = self._ring.find_kept(_person(identity))
        if own is None:
            return []
        now = self._now()
        periods = (self._ring.find_kept(_period(now - back)) for back in range(self._periods))
        return [_pseudonym(_mixed(own, key), kind, identity) for key in periods if key]

    def expire(self) -> int:
        last = self._now() - self._periods
        due = [_period(number) for number in range(max(0, last - _SEARCHED), last + 1)]
        found = [name for name in due if self._ring.find_kept(name)]
        return self._ring.destroy(found) if found else 0

    def _now(self) -> int:
        return int(self._clock.now() // PERIOD)

    def _conversation_key(self, identity: str) -> bytes:
        """Its key, to expire with the conversation, which lives on with every message.

        Moving the expiry costs a write, so it is done once per 24th of the lifetime; the key may
        therefore end that much before the conversation, and never after it.
        """
        name, now = _conversation(identity), self._clock.now()
        found = self._ring.find(name)
        expires_at = now + self._conversation_lifetime
        if found is None:
            return self._ring.data_key(name, expires_at)
        if found[1] < expires_at - self._conversation_lifetime / 24:
            try:
                self._ring.extend(name, expires_at)
            except UnknownKey:  # ended by somebody else in between
                return self._ring.data_key(name, expires_at)
        return found[0]


def _person(identity: str) -> str:
    return f"audit/person/{identity}"


def _conversation(identity: str) -> str:
    return f"audit/conversation/{identity}"


def _period(number: int) -> str:
    return f"audit/period/{number}"


def _mixed(own: bytes, period: bytes) -> bytes:
    return hmac.digest(period, own, "sha256")


def _pseudonym(key: bytes, kind: str, identity: str) -> str:
    """128 bits of a keyed hash, in hex."""
    return hmac.new(key, f"{kind}\n{identity}".encode(), hashlib.sha256).hexdigest()[:32]
