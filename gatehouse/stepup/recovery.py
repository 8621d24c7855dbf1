"""Recovery codes: for the day on which the phone is lost (NIST SP 800-63B-4 section 3.1.2, look-up secrets).

Ten codes of 50 random bits, shown once, each good once. Stored as keyed hashes bound to the person; a
used one stays, so that a second use is told from a guess. New codes end all old ones. This module must
never be able to show a code again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.factors import Offer
from gatehouse.stepup.refusals import CodeRefused
from gatehouse.stepup.schema import recovery_codes as table

HOW_MANY = 10
PREFIX = "rc-"
"""So that a code is recognised wherever somebody types it, and never reaches the conversation."""

_SIGNS: Final = "23456789abcdefghijkmnpqrstuvwxyz"  # 32, without 0, 1, l and o
_CODE = re.compile(r"(rc|tk)[ -]?([a-z0-9]{5})[ -]?([a-z0-9]{5})")


def parse_recovery(text: object, prefix: str = PREFIX) -> str | None:
    """The code that `text` stands for, as it was shown; None when it is none with this `prefix`."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    match = _CODE.fullmatch(re.sub(r"[\u2010-\u2015]", "-", folded))
    return f"{prefix}{match[2]}-{match[3]}" if match and f"{match[1]}-" == prefix else None


class RecoveryCodes:
    """The recovery codes of a deployment; `key` is 32 bytes."""

    kind = "recovery"

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the key of the recovery codes must have 32 bytes")
        self._engine = engine
        self._clock = clock
        self._key = key

    def issue(self, person_id: str) -> tuple[str, ...]:
        """New codes for a person, in place of all former ones; show them once and keep them nowhere."""
        codes = tuple(new_code(PREFIX) for _ in range(HOW_MANY))
        rows = [
            {"id": self._hash(person_id, code), "person_id": person_id, "used_at": None}
            for code in codes
        ]
        with transaction(self._engine) as connection:
            connection.execute(table.delete().where(table.c.person_id == person_id))
            connection.execute(table.insert(), rows)
        return codes

    def left(self, person_id: str) -> int:
        """How many codes are still good."""
        query = sa.select(sa.func.count()).where(
            table.c.person_id == person_id, table.c.used_at.is_(None)
        )
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def enrolled(self, person_id: str) -> bool:
        """Whether the person has a code that is still good."""
        return self.left(person_id) > 0

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """One way, as long as codes are left."""
        return (Offer("", self.kind, "Recovery code"),) if self.enrolled(person_id) else ()

    def candidates(self, person_id: str, about: str = "") -> int:
        """None: fifty random bits are not guessed."""
        return 0

    def options(self, person_id: str, about: str) -> None:
        """None: people type it."""

    def reads(self, text: object) -> bool:
        """Whether `text` has the form of such a code."""
        return parse_recovery(text) is not None

    def verify(self, person_id: str, code: object, about: str = "") -> int:
        """Use up a good code; raises `CodeRefused`. The number stands for the code, as a time step does
        for one of an authenticator, and is negative.

        Never call it without a throttle in front.
        """
        parsed = parse_recovery(code)
        if parsed is None:
            raise CodeRefused("malformed")
        identity = self._hash(person_id, parsed)
        mine = table.c.id == identity
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(mine, table.c.used_at.is_(None))
                .values(used_at=self._clock.now())
            )
            known = connection.execute(sa.select(table.c.id).where(mine)).first() is not None
        number = -2 - int(identity[:12], 16)
        if taken.rowcount == 1:
            return number
        raise CodeRefused("replayed", number) if known else CodeRefused("wrong")

    def remove(self, person_id: str) -> bool:
        """Forget a person's codes; false when there were none."""
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(table.c.person_id == person_id))
        return int(gone.rowcount) > 0

    def _hash(self, person_id: str, code: str) -> str:
        material = f"gatehouse recovery code v1\n{person_id}\n{code}".encode()
        return hmac.new(self._key, material, hashlib.sha256).hexdigest()


def new_code(prefix: str) -> str:
    """Fifty random bits after `prefix`, as people can read them out."""
    # One digit at least tells a code from words in what people type.
    signs = ""
    while not any(sign.isdigit() for sign in signs):
        signs = "".join(secrets.choice(_SIGNS) for _ in range(10))
    return f"{prefix}{signs[:5]}-{signs[5:]}"
