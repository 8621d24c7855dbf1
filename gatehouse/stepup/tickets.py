"""Enrolment tickets: how somebody without any second factor gets the first one.

A password alone must never become a second factor, or whoever stole it would make one. So an operator
who knows the person hands over a ticket: fifty random bits, good once, within a day, and worthless
once the account has a factor. It proves nothing but the right to set one up.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.factors import Offer
from gatehouse.stepup.levels import OF_KIND, USUAL, reaches
from gatehouse.stepup.recovery import new_code, parse_recovery
from gatehouse.stepup.refusals import CodeRefused
from gatehouse.stepup.schema import tickets as table

PREFIX: Final = "tk-"
LIFETIME: Final = 86_400
"""Seconds: today's new starter, not last year's letter."""


class Tickets:
    """The tickets of a deployment; `key` is 32 bytes."""

    kind: Final = "ticket"

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: bytes,
        authenticators: Authenticators,
        levels: Mapping[str, str] = OF_KIND,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._authenticators = authenticators
        self._levels = levels

    def issue(self, person_id: str) -> str:
        """A ticket for somebody without a factor, in place of any former one; raises `InvalidInput`."""
        if self.has_factor(person_id):
            raise InvalidInput(
                "this person has a second factor already",
                "`gatehouse people reset-factors` removes what is lost; that takes two operators",
            )
        ticket = new_code(PREFIX)
        row = {
            "id": self._hash(person_id, ticket),
            "person_id": person_id,
            "expires_at": self._clock.now() + LIFETIME,
            "used_at": None,
        }
        with transaction(self._engine) as connection:
            connection.execute(table.delete().where(table.c.person_id == person_id))
            connection.execute(table.insert().values(**row))
        return ticket

    def has_factor(self, person_id: str) -> bool:
        """Whether the person has a second factor; a mailbox is none."""
        every = self._authenticators.of(person_id)
        return any(reaches(self._levels.get(one.kind, ""), USUAL) for one in every)

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """One way, for somebody who has no other; whether there is a ticket is not told."""
        if self.has_factor(person_id):
            return ()
        return (Offer("", self.kind, "Enrolment ticket"),)

    def candidates(self, person_id: str, about: str = "") -> int:
        """None: fifty random bits are not guessed."""
        return 0

    def options(self, person_id: str, about: str) -> None:
        """None: people type it."""

    def reads(self, text: object) -> bool:
        """Whether `text` has the form of a ticket."""
        return parse_recovery(text, PREFIX) is not None

    def verify(self, person_id: str, code: object, about: str = "") -> int:
        """Use up a good ticket; raises `CodeRefused`. Never call it without a throttle in front."""
        parsed = parse_recovery(code, PREFIX)
        if parsed is None:
            raise CodeRefused("malformed")
        identity, now = self._hash(person_id, parsed), self._clock.now()
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(
                    table.c.id == identity,
                    table.c.used_at.is_(None),
                    table.c.expires_at > now,
                    table.c.expires_at <= now + LIFETIME + 60.0,  # a clock that went back
                )
                .values(used_at=now)
            )
        if taken.rowcount != 1 or self.has_factor(person_id):
            raise CodeRefused("wrong")
        return -2 - int(identity[:12], 16)

    def remove(self, person_id: str) -> bool:
        """Forget a person's ticket; false when there was none."""
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(table.c.person_id == person_id))
        return int(gone.rowcount) > 0

    def prune(self) -> int:
        """Delete what is over; how many."""
        with transaction(self._engine) as connection:
            over = table.delete().where(table.c.expires_at <= self._clock.now())
            return int(connection.execute(over).rowcount)

    def _hash(self, person_id: str, code: str) -> str:
        material = f"gatehouse enrolment ticket v1\n{person_id}\n{code}".encode()
        return hmac.new(self._key, material, hashlib.sha256).hexdigest()
