"""Time-based one-time passwords (RFC 6238) as a second factor: 160-bit seeds, six digits, 30 s.

A code is good once: the step it belongs to is taken with a single conditional UPDATE, so of any
number of simultaneous submissions one succeeds, and a clock that goes back revives nothing. Codes of
steps later than now are refused. Seeds are sealed, and leave this module only while enrolling.
"""

from __future__ import annotations

import hmac
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyotp
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.identity.transactions import transaction
from gatehouse.keys.columns import SealedColumn
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.stepup.codes import DIGITS, parse_code
from gatehouse.stepup.schema import authenticators as table
from gatehouse.stepup.slips import LATE_STEPS, is_slip

STEP = 30
"""Seconds per time step (RFC 6238 section 4.1)."""

_SEED = re.compile(r"[A-Z2-7]{32}")
_NOT_A_CODE = ""
_NEVER_GOOD = "------"
_NO_SEED = "A" * 32
_NO_STEP = -1


class CodeRefused(GatehouseError):
    """The code is not accepted. `reason` is `malformed`, `wrong`, `replayed` or `not_enrolled`;
    `step` is the time step of a replayed code; `slip` says that a wrong one was nearly right, see
    `gatehouse.stepup.slips`. The message never says more than "not accepted"."""

    def __init__(self, reason: str, step: int | None = None, *, slip: bool = False) -> None:
        super().__init__("the code was not accepted")
        self.reason = reason
        self.step = step
        self.slip = slip


@dataclass(frozen=True, slots=True)
class _Compared:
    """The newest good step whose code it is, if any, and whether it is a slip of a good one."""

    step: int | None
    slip: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A pending authenticator: its seed in base32 and the `otpauth://` address for a QR code.

    Both are secrets; show them once and keep them nowhere.
    """

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment(…)"


class Totp:
    """The authenticators of a deployment, one per person.

    `key` (32 bytes) seals the seeds; `back` is how many steps old a code may be, 0 or 1.
    """

    kind = "totp"

    def __init__(
        self, engine: Engine, clock: Clock, key: bytes, *, back: int = 1, issuer: str = "Gatehouse"
    ) -> None:
        if back not in (0, 1):
            raise InvalidInput("step_up.totp_back: a code may be 0 or 1 steps old")
        self._engine = engine
        self._clock = clock
        self._key = key
        self._back = back
        self._issuer = issuer
        self._nobody = seal(key, _NO_SEED.encode("ascii"), _bound("", ""))

    def enrol(self, person_id: str, label: str) -> Enrolment:
        """Begin an enrolment for `person_id`, replacing one that was never confirmed.

        `label` is the account name that the app shows. Raises `InvalidInput` when the person has an
        active authenticator: replacing that one takes `remove`, which needs a permission of its own.
        """
        secret = pyotp.random_base32(32)
        self._store(person_id, secret, confirmed_at=None, demo=False)
        uri = pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=self._issuer)
        return Enrolment(secret, uri)

    def confirm(self, person_id: str, code: object) -> None:
        """Activate the pending authenticator with a first good code, which is then used up.

        Raises `CodeRefused` (`not_enrolled` when nothing is pending).
        """
        row = self._row(person_id)
        if row is None or row["confirmed_at"] is not None:
            raise CodeRefused("not_enrolled")
        self._take(row["id"], self._compare(self._seed(row), _parsed(code)), pending=True)

    def enrolled(self, person_id: str) -> bool:
        """Whether the person has an active authenticator."""
        return self.authenticator(person_id) is not None

    def authenticator(self, person_id: str) -> str | None:
        """The id of the person's active authenticator; a new enrolment has a new one."""
        row = self._row(person_id)
        return None if row is None or row["confirmed_at"] is None else str(row["id"])

    def verify(self, person_id: str, code: object) -> int:
        """The time step of a good code, which is used up with that; raises `CodeRefused`.

        Never call it without a throttle in front: six digits can be guessed.
        """
        return self._verify(person_id, _parsed(code))

    def reads(self, text: object) -> bool:
        """Whether `text` has the form of such a code."""
        return parse_code(text) is not None

    def pretend(self, person_id: str) -> None:
        """The work of `verify` for a code that is not looked at; it is good for nobody."""
        with suppress(CodeRefused):
            self._verify(person_id, _NEVER_GOOD)

    def _verify(self, person_id: str, code: str) -> int:
        row = self._row(person_id)
        active = row is not None and row["confirmed_at"] is not None
        # Somebody without an authenticator costs the same work as somebody with one.
        seed = self._seed(row) if active else self._no_seed()
        compared = self._compare(seed, code)
        if row is None or not active:
            self._use_up("", None)
            raise CodeRefused("not_enrolled")
        return self._take(row["id"], compared)

    def remove(self, person_id: str) -> bool:
        """Forget the person's authenticator, active or pending; false when there was none."""
        with transaction(self._engine) as connection:
            gone = connection.execute(table.delete().where(table.c.person_id == person_id))
        return int(gone.rowcount) > 0

    def set_demo_secret(self, person_id: str, secret: str) -> None:
        """Give a demonstration account a known seed (32 base32 characters), active at once.

        A production profile must refuse to serve while `count_demo` is not 0. Never replaces an
        authenticator that a person enrolled.
        """
        if not _SEED.fullmatch(secret):
            raise InvalidInput("a demonstration seed has 32 base32 characters")
        row = self._row(person_id)
        if row is not None and row["demo"] and self._seed(row) == secret:
            return  # storing it anew would make its used codes good again
        self._store(person_id, secret, confirmed_at=self._clock.now(), demo=True)

    def count_demo(self) -> int:
        """How many active authenticators have a published seed."""
        query = sa.select(sa.func.count()).select_from(table).where(table.c.demo)
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (
            SealedColumn(
                table, "seed", ("id",), self._key, lambda row: _bound(row["id"], row["person_id"])
            ),
        )

    def _store(
        self, person_id: str, secret: str, *, confirmed_at: float | None, demo: bool
    ) -> None:
        identity = secrets.token_hex(16)
        row = {
            "id": identity,
            "person_id": person_id,
            "seed": seal(self._key, secret.encode("ascii"), _bound(identity, person_id)),
            "confirmed_at": confirmed_at,
            "last_step": _NO_STEP,
            "demo": demo,
            "created_at": self._clock.now(),
        }
        replaceable = table.c.confirmed_at.is_(None) | (table.c.demo if demo else sa.false())
        try:
            with transaction(self._engine) as connection:
                connection.execute(
                    table.delete().where(table.c.person_id == person_id, replaceable)
                )
                connection.execute(table.insert().values(**row))
        except sa.exc.IntegrityError as error:
            raise InvalidInput(
                "this person already has an authenticator",
                "an administrator can remove it; after that a new one can be set up",
            ) from error

    def _compare(self, seed: str, code: str) -> _Compared:
        """`code` against every candidate, always all of them."""
        generator = pyotp.TOTP(seed, digits=DIGITS, interval=STEP)
        current = int(self._clock.now() // STEP)
        oldest = current - self._back
        found, slip = None, False
        for step in range(oldest - LATE_STEPS, current + 1):
            expected = generator.generate_otp(step) if step >= 0 else _NOT_A_CODE
            same = hmac.compare_digest(expected.encode("ascii"), code.encode("ascii"))
            if step < oldest:
                slip = slip or same
                continue
            slip = is_slip(expected, code) or slip
            found = step if same else found
        return _Compared(found, slip)

    def _take(self, identity: str, compared: _Compared, *, pending: bool = False) -> int:
        """Use up the step that was found; raises `CodeRefused`, `wrong` for none.

        A wrong code runs the same statement, against a step that nobody can take, so that its
        answer takes as long as that of a replayed one.
        """
        step = compared.step
        taken = self._use_up(identity, step, pending=pending)
        if step is None:
            raise CodeRefused("wrong", slip=compared.slip)
        if not taken:
            raise CodeRefused("replayed", step)
        return step

    def _use_up(self, identity: str, step: int | None, *, pending: bool = False) -> bool:
        state = table.c.confirmed_at.is_(None) if pending else table.c.confirmed_at.is_not(None)
        wanted = _NO_STEP if step is None else step
        change: dict[str, Any] = {"last_step": wanted}
        if pending:
            change["confirmed_at"] = self._clock.now()
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(table.c.id == identity, table.c.last_step < wanted, state)
                .values(**change)
            )
        return bool(taken.rowcount == 1)

    def _row(self, person_id: str) -> Any:
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(table).where(table.c.person_id == person_id))
            return found.mappings().one_or_none()

    def _no_seed(self) -> str:
        """A seed that is nobody's, unsealed like anybody's."""
        return unseal(self._key, self._nobody, _bound("", "")).decode("ascii")

    def _seed(self, row: Any) -> str:
        bound = _bound(row["id"], row["person_id"])
        return unseal(self._key, bytes(row["seed"]), bound).decode("ascii")


def _parsed(code: object) -> str:
    digits = parse_code(code)
    if digits is None:
        raise CodeRefused("malformed")
    return digits


def _bound(identity: str, person_id: str) -> bytes:
    return associated_data(record="totp seed", id=identity, person=person_id)
