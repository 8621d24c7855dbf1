"""The throttle of sign-in: per user name and per source, both counted before the password is checked.

A browser in which the name signed in before has a counter of its own, so that strangers who guess
delay each other and not the owner. When that counter is used up, the browser is a stranger again. It
answers alike for names that exist and names that do not, and it never sees a password. Names and
sources enter its table as keyed hashes only, because people type passwords into the wrong field.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity import schema
from gatehouse.identity.throttle import Backoff, Standing, Throttle
from gatehouse.identity.transactions import transaction

PER_NAME = Backoff(free=4, base=1.0, longest=900.0, lock_at=100)
"""Four mistakes are free, then 1 s, 2 s, 4 s … 15 min; NIST SP 800-63B-4 section 3.2.2: 100 at most."""

PER_SOURCE = Backoff(free=20, base=1.0, longest=60.0, forget_after=3600.0)
"""A whole office may share one address, so a source waits at most a minute and is never locked."""

PER_DEVICE = Backoff(free=4, base=1.0, longest=60.0, lock_at=20)
"""Of a browser that the name is known in: enough for a bad day, few for somebody who stole it."""

_WORDS = {
    "credentials": "The user name or the password is not right.",
    "throttled": "Too many attempts. Wait {wait}, then try again.",
    "locked": "Sign-in with this user name is locked after too many attempts. "
    "Ask your administrator to set a new password.",
}


class SignInRefused(GatehouseError):
    """Sign-in is refused. `reason` is `credentials`, `throttled` or `locked`; `message` is for the
    person; `retry_after` is in seconds, 0 when waiting does not help."""

    exit_code = 3

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(_WORDS[reason].format(wait=spoken_wait(retry_after)))
        self.reason = reason
        self.retry_after = retry_after


def spoken_wait(seconds: float) -> str:
    """`seconds` as people say it, rounded up: "8 seconds", "2 minutes"."""
    whole = max(1, math.ceil(seconds))
    number, unit = (whole, "second") if whole < 60 else (math.ceil(whole / 60), "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


class Attempt:
    """One sign-in attempt that was admitted and is already counted."""

    def __init__(self, guard: SignInGuard, names: Throttle, name: str, source: str) -> None:
        self._guard = guard
        self._names = names
        self._name = name
        self._source = source

    def succeed(self) -> None:
        """The password was right: forget the failures of the name (or of its browser), uncount this
        one of the source.

        The source keeps its other failures, or one good account would pay for guessing at others.
        """
        with transaction(self._guard.engine) as connection:
            self._guard.sources.relent(connection, self._source)
            self._names.clear(connection, self._name)


class SignInGuard:
    """Both throttles over one table."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self.engine = engine
        self.names = Throttle(schema.sign_in_throttle, PER_NAME, clock)
        self.sources = Throttle(schema.sign_in_throttle, PER_SOURCE, clock)
        self.devices = Throttle(schema.sign_in_throttle, PER_DEVICE, clock)
        self._key = key

    @contextmanager
    def attempt(self, name: str | None, source: str, device: str = "") -> Iterator[Attempt]:
        """Count an attempt for `name` (None: not even a possible name) from `source`.

        `device` is the id of a browser that the name is known in, "" for any other. Raises
        `SignInRefused` (`throttled`, `locked`) without counting when either has to wait.
        """
        source_key = self._hashed("source", source)
        with transaction(self.engine) as connection:
            # Always in this order: two attempts must not wait for each other's row.
            at_source = self.sources.check(connection, source_key)
            names, name_key, of_name = self._name_counter(connection, name or "", device)
            refusal = _refusal(at_source, of_name)
            if refusal is None:
                self.sources.count(connection, source_key, at_source.failures)
                names.count(connection, name_key, of_name.failures)
        if refusal is not None:
            raise refusal
        yield Attempt(self, names, name_key, source_key)

    def _name_counter(
        self, connection: Connection, name: str, device: str
    ) -> tuple[Throttle, str, Standing]:
        if device:
            key = self._hashed("device", f"{device}\n{name}")
            standing = self.devices.check(connection, key)
            if not standing.locked:
                return self.devices, key, standing
        key = self._hashed("name", name)
        return self.names, key, self.names.check(connection, key)

    def standing(self, name: str) -> Standing:
        """How attempts for a user name stand in a browser that is not known."""
        with transaction(self.engine) as connection:
            return self.names.check(connection, self._hashed("name", name))

    def clear(self, name: str) -> None:
        """Forget the failures of a user name."""
        with transaction(self.engine) as connection:
            self.names.clear(connection, self._hashed("name", name))

    def prune(self, before: float, names: Iterable[str]) -> int:
        """Drop counters last used before `before`, except those of `names`; returns how many."""
        keep = {self._hashed("name", name) for name in names}
        with transaction(self.engine) as connection:
            return self.names.prune(connection, before, keep)

    def _hashed(self, kind: str, value: str) -> str:
        material = f"gatehouse sign-in {kind}\n{value}".encode("utf-8", "surrogatepass")
        return f"{kind}:{hmac.new(self._key, material, hashlib.sha256).hexdigest()}"


def _refusal(source: Standing, name: Standing) -> SignInRefused | None:
    if name.locked:
        return SignInRefused("locked")
    wait = max(source.wait, name.wait)
    return SignInRefused("throttled", wait) if wait > 0 else None
