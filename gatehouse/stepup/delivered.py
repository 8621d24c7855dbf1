"""Codes that are delivered: by e-mail, and by text message through a signed webhook.

Neither is more than a hint that the person has a mailbox or a number: NIST SP 800-63B-4 does not count
e-mail as a factor at all (section 3.1.3.1) and restricts text messages (3.2.9), so what they are worth is
for `levels` to say. A code is made from a key, the request and a random number, and stored nowhere: sending
it again sends the same one, so a delivery that is repeated can never put two codes into the world. It is
good for that request alone, once, for minutes. Sending is counted before it is tried.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.identity.people import Person
from gatehouse.identity.transactions import insert_or_lock, transaction
from gatehouse.stepup.authenticators import ENROLMENT_SECONDS, Authenticators
from gatehouse.stepup.codes import parse_code
from gatehouse.stepup.factors import Offer
from gatehouse.stepup.refusals import CodeRefused, NotSent
from gatehouse.stepup.schema import code_throttle
from gatehouse.stepup.schema import deliveries as table

AGAIN_IN: Final = 60
"""Seconds until the same code may be sent again."""

PER_REQUEST: Final = 3
PER_HOUR: Final = 10
PER_DAY: Final = 30
"""Messages per person, whatever they are for: nobody's mailbox or telephone bill is a target."""

_HOUR, _DAY = 3600.0, 86_400.0


class Carrier(Protocol):
    """One way to deliver a code."""

    @property
    def kind(self) -> str: ...

    def check(self, address: str) -> str:
        """`address` as it is kept; raises `InvalidInput`."""

    def shortened(self, address: str) -> str:
        """`address` so that its owner knows it and somebody else does not learn it."""

    def send(self, address: str, code: str, message_id: str) -> None:
        """Deliver `code`; raises `NotSent`. The same `message_id` is the same message."""


class DeliveredCodes:
    """The codes of one kind in a deployment; `key` is 32 bytes."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: bytes,
        authenticators: Authenticators,
        carrier: Carrier,
    ) -> None:
        if len(key) != 32:
            raise ValueError("the key of delivered codes must have 32 bytes")
        self._engine = engine
        self._clock = clock
        self._key = key
        self._authenticators = authenticators
        self._carrier = carrier
        self.kind = carrier.kind

    # As a factor

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """The person's addresses of this kind, shortened."""
        return tuple(
            Offer(row["id"], self.kind, row["name"], self._carrier.shortened(self._address(row)))
            for row in self._authenticators.rows(person_id, self.kind)
        )

    def candidates(self, person_id: str, about: str) -> int:
        """How many codes were sent for this request."""
        return len(self._live(person_id, about))

    def reads(self, answer: object) -> bool:
        """Whether `answer` has the form of such a code."""
        return parse_code(answer) is not None

    def options(self, person_id: str, about: str) -> None:
        """None: people type it."""

    def send(self, person_id: str, authenticator_id: str, about: str, expires_at: float) -> str:
        """Deliver the code for the request `about`, or deliver it again; where it went, shortened.

        Raises `NotSent`: `unknown`, `too_soon`, `too_many_sent`, or what kept it from being delivered.
        """
        rows = self._authenticators.rows(person_id, self.kind)
        row = next((one for one in rows if one["id"] == authenticator_id), None)
        if row is None:
            raise NotSent("unknown")
        return self._send(person_id, authenticator_id, self._address(row), about, expires_at)

    def verify(self, person_id: str, answer: object, about: str) -> int:
        """Use up the code that was sent for the request `about`; raises `CodeRefused`.

        Never call it without a throttle in front: six digits can be guessed.
        """
        code = parse_code(answer)
        if code is None:
            raise CodeRefused("malformed")
        active = {row["id"] for row in self._authenticators.rows(person_id, self.kind)}
        return self._verify(person_id, code, about, active)

    def remove(self, person_id: str) -> bool:
        """Forget the person's addresses of this kind; false when there was none."""
        return self._authenticators.remove_all(person_id, self.kind) > 0

    # Setting up

    def check(self, address: str) -> str:
        """`address` as it is kept; raises `InvalidInput`."""
        return self._carrier.check(address)

    def begin(
        self, person: Person, name: str, address: str, session_tag: str
    ) -> tuple[str, Mapping[str, Any]]:
        """Keep `address` until the code that `send_first` sends there comes back."""
        identity = self._authenticators.begin(
            person.id, self.kind, address.encode(), name=name, session_tag=session_tag
        )
        return identity, {"sent_to": self._carrier.shortened(address)}

    def send_first(self, person_id: str, identity: str, session_tag: str) -> None:
        """Deliver the first code of an enrolment that waits; raises `NotSent`."""
        address = self._authenticators.pending_secret(person_id, identity, session_tag)
        if address is None:
            raise NotSent("unknown")
        about = self._enrolment(identity, session_tag)
        until = self._clock.now() + ENROLMENT_SECONDS
        self._send(person_id, identity, address.decode(), about, until)

    def confirm(
        self,
        person_id: str,
        identity: str,
        answer: object,
        session_tag: str,
        before: Callable[[], None],
    ) -> None:
        """Activate the address with the code that went there; raises `CodeRefused`."""
        row = self._authenticators.pending(person_id, identity, session_tag)
        if row is None or row["kind"] != self.kind:
            raise CodeRefused("not_enrolled")
        code = parse_code(answer)
        if code is None:
            raise CodeRefused("malformed")
        self._verify(person_id, code, self._enrolment(identity, session_tag), {identity})
        before()
        if not self._authenticators.activate(person_id, identity):
            raise CodeRefused("replayed")

    def prune(self) -> int:
        """Delete what no limit counts any more; how many."""
        old = table.c.last_sent_at < self._clock.now() - _DAY
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(old, table.c.kind == self.kind))
        return int(gone.rowcount)

    def _verify(self, person_id: str, code: str, about: str, active: Collection[str]) -> int:
        # An address that was removed meanwhile confirms nothing any more.
        rows = [row for row in self._live(person_id, about) if row["authenticator_id"] in active]
        if not rows:
            raise CodeRefused("not_enrolled")
        # Every one is compared, so that the answer takes as long for whichever it is.
        same = [row for row in rows if hmac.compare_digest(self._code(row, person_id), code)]
        if not same:
            raise CodeRefused("wrong")
        number = -2 - int(str(same[0]["id"])[:12], 16)
        now = self._clock.now()
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(
                    table.c.id == same[0]["id"],
                    table.c.used_at.is_(None),
                    table.c.expires_at > now,
                )
                .values(used_at=now)
            )
        if taken.rowcount != 1:
            raise CodeRefused("replayed", number)
        return number

    def _send(
        self, person_id: str, authenticator_id: str, address: str, about: str, expires_at: float
    ) -> str:
        with transaction(self._engine) as connection:
            row = self._counted(connection, person_id, authenticator_id, about, expires_at)
        message_id = f"msg_{row['id']}_{row['sends']}"
        self._carrier.send(address, self._code(row, person_id), message_id)
        return self._carrier.shortened(address)

    def _counted(
        self,
        connection: Connection,
        person_id: str,
        authenticator_id: str,
        about: str,
        expires_at: float,
    ) -> Mapping[str, Any]:
        """The delivery, counted once more; raises `NotSent` when it may not be sent now."""
        now, person = self._clock.now(), self._person(person_id)
        # One at a time for each person, so that many at once do not get past the limits.
        lock = {"key": f"sent:{person}", "failures": 0, "blocked_until": 0.0, "last_at": now}
        insert_or_lock(connection, code_throttle, "key", lock)
        mine = sa.and_(table.c.about == about, table.c.authenticator_id == authenticator_id)
        query = sa.select(table).where(mine)
        found = connection.execute(query).mappings().one_or_none()
        if found is not None and not 0 <= found["last_sent_at"] <= now - AGAIN_IN:
            raise NotSent("too_soon", retry_after=AGAIN_IN)
        if found is not None and (found["sends"] >= PER_REQUEST or found["expires_at"] <= now):
            raise NotSent("too_many_sent", retry_after=max(1.0, found["expires_at"] - now))
        self._require_allowance(connection, person, now)
        if found is not None:
            again = {"sends": found["sends"] + 1, "last_sent_at": now}
            connection.execute(table.update().where(mine).values(**again))
            return {**found, **again}
        row = {
            "id": secrets.token_hex(16),
            "about": about,
            "authenticator_id": authenticator_id,
            "person_tag": person,
            "kind": self.kind,
            "created_at": now,
            "expires_at": expires_at,
            "sends": 1,
            "last_sent_at": now,
            "used_at": None,
        }
        connection.execute(table.insert().values(**row))
        return row

    def _require_allowance(self, connection: Connection, person: str, now: float) -> None:
        for seconds, most in ((_HOUR, PER_HOUR), (_DAY, PER_DAY)):
            sent = sa.select(sa.func.coalesce(sa.func.sum(table.c.sends), 0)).where(
                table.c.person_tag == person, table.c.last_sent_at > now - seconds
            )
            if int(connection.execute(sent).scalar_one()) >= most:
                raise NotSent("too_many_sent", retry_after=seconds)

    def _live(self, person_id: str, about: str) -> list[Any]:
        now = self._clock.now()
        query = sa.select(table).where(
            table.c.about == about,
            table.c.person_tag == self._person(person_id),
            table.c.kind == self.kind,
            table.c.expires_at > now,
            table.c.created_at < now + 60.0,  # a clock that went back revives nothing
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(table.c.id)).mappings().all())

    def _address(self, row: Any) -> str:
        return self._authenticators.secret(row).decode()

    def _code(self, row: Mapping[str, Any], person_id: str) -> str:
        digest = self._mac("code", str(row["id"]), str(row["about"]), person_id)
        return f"{int.from_bytes(digest[:8], 'big') % 10**6:06d}"

    def _enrolment(self, identity: str, session_tag: str) -> str:
        return self._mac("enrolment", identity, session_tag).hex()

    def _person(self, person_id: str) -> str:
        return self._mac("person", person_id).hex()

    def _mac(self, *fields: str) -> bytes:
        material = "\n".join(("gatehouse delivered codes v1", *fields)).encode()
        return hmac.new(self._key, material, hashlib.sha256).digest()
