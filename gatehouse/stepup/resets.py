"""Resets by operators: whoever can take away somebody's second factor and hand out a new one can be them.

So two operators stand for a reset, proven by password and code, and neither of them is the person; or
one alone does it and everybody hears of it: the log, the alerts, and the person. Rows carry an
authenticator over all columns, so that who can write the database cannot propose. A proposal is for what the
person has at that moment, and is over within a day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.notices import Notices
from gatehouse.stepup.schema import resets as table

LIFETIME: Final = 86_400
TOLD: Final = "Administrators removed all second factors of your account."
TOLD_ALONE: Final = "One administrator alone removed all second factors of your account."


class Resets:
    """The resets of a deployment; `key` is 32 bytes, `remove` takes every factor of a person away."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: bytes,
        authenticators: Authenticators,
        remove: Callable[[str], object],
        notices: Notices,
        record: Callable[..., Any],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._authenticators = authenticators
        self._remove = remove
        self._notices = notices
        self._record = record

    def stand_for(
        self, person_id: str, operator_id: str, may: Callable[[str], bool] = lambda operator: True
    ) -> bool:
        """Let a proven operator stand for a reset: the first proposes it, another one carries it out.

        True when it was carried out. `may` says who may still stand for one. Raises `InvalidInput` for the
        person and for the one who proposed it, `IntegrityError` for a record that was altered.
        """
        if operator_id == person_id:
            raise InvalidInput("nobody resets their own second factor", "two others have to")
        proposal = self._proposal(person_id)
        facts = {"person": person_id, "by": operator_id}
        if proposal is None or not may(proposal["proposer"]):
            self._record("administration", operation="factors.reset_proposed", **facts)
            self._propose(person_id, operator_id)
            return False
        if proposal["proposer"] == operator_id:
            raise InvalidInput(
                "you proposed this reset already", "a second operator has to stand for it as well"
            )
        self._record(
            "administration",
            operation="factors.reset",
            proposed_by=proposal["proposer"],
            **facts,
        )
        self._done(proposal, operator_id)
        self._reset(person_id, TOLD)
        return True

    def alone(self, person_id: str) -> None:
        """Carry it out for an operator who is alone; recorded, counted and told as such."""
        self._record("administration", operation="factors.reset_alone", person=person_id)
        now = self._clock.now()
        self._insert(person_id, proposer="", proposed_at=now, done_at=now, alone=True)
        self._reset(person_id, TOLD_ALONE)

    def alone_lately(self) -> int:
        """How many were carried out by one operator alone within a day; for the alert."""
        recent = sa.and_(table.c.alone, table.c.done_at > self._clock.now() - LIFETIME)
        query = sa.select(sa.func.count()).select_from(table).where(recent)
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def prune(self) -> int:
        """Delete what is over; how many."""
        old = table.c.proposed_at < self._clock.now() - 2 * LIFETIME
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(old)).rowcount)

    def _reset(self, person_id: str, told: str) -> None:
        # First, while the mailbox of the person is still known.
        self._notices.tell(person_id, told)
        self._remove(person_id)
        self._authenticators.forget_account(person_id)

    def _proposal(self, person_id: str) -> Mapping[str, Any] | None:
        """What is proposed for what the person has now; raises `IntegrityError`."""
        now = self._clock.now()
        query = sa.select(table).where(
            table.c.person_id == person_id,
            table.c.account == self._account(person_id),
            table.c.done_at.is_(None),
            table.c.proposed_at > now - LIFETIME,
            table.c.proposed_at < now + 60.0,
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.proposed_at.desc())).mappings().all()
        row = rows[0] if rows else None
        if row is not None and not hmac.compare_digest(bytes(row["mac"]), self._mac(row)):
            self._record("tamper", person=person_id, reason="factor_reset_altered")
            raise IntegrityError("the record of this reset was altered; it cannot be approved")
        return row

    def _propose(self, person_id: str, operator_id: str) -> None:
        self._insert(
            person_id,
            proposer=operator_id,
            proposed_at=self._clock.now(),
            done_at=None,
            alone=False,
        )

    def _insert(self, person_id: str, **values: Any) -> None:
        row = {
            "id": secrets.token_hex(16),
            "person_id": person_id,
            "account": self._account(person_id),
            **values,
        }
        with transaction(self._engine) as connection:
            connection.execute(table.insert().values(**row, approver="", mac=self._mac(row)))

    def _done(self, proposal: Mapping[str, Any], operator_id: str) -> None:
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(table.c.id == proposal["id"], table.c.done_at.is_(None))
                .values(done_at=self._clock.now(), approver=operator_id)
            )
        if taken.rowcount != 1:
            raise InvalidInput("somebody else carried this reset out at the same time")

    def _account(self, person_id: str) -> str:
        return self._authenticators.account(person_id) or ""

    def _mac(self, row: Mapping[str, Any]) -> bytes:
        names = ("id", "person_id", "account", "proposer", "proposed_at", "alone")
        content = json.dumps([bool(row[n]) if n == "alone" else row[n] for n in names])
        return hmac.new(self._key, content.encode(), hashlib.sha256).digest()
