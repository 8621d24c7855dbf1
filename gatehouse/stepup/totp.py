"""Time-based one-time passwords (RFC 6238) as a second factor: 160-bit seeds, six digits, 30 s.

A code is good once: the step it belongs to is taken with a single conditional UPDATE, so of any
number of simultaneous submissions one succeeds, and a clock that goes back revives nothing. Codes of
steps later than now are refused. Seeds are sealed, and leave this module only while enrolling.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pyotp
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.authenticators import NO_STEP, Authenticators
from gatehouse.stepup.codes import DIGITS, parse_code
from gatehouse.stepup.factors import Offer
from gatehouse.stepup.refusals import CodeRefused
from gatehouse.stepup.schema import authenticators as table
from gatehouse.stepup.slips import LATE_STEPS, is_slip

STEP = 30
"""Seconds per time step (RFC 6238 section 4.1)."""

_SEED = re.compile(r"[A-Z2-7]{32}")
_NOT_A_CODE = ""
_NEVER_GOOD = "------"
_NO_SEED = b"A" * 32


@dataclass(frozen=True, slots=True)
class _Compared:
    """The authenticator and its newest good step whose code it is, if any, and whether it is a slip of
    a good one."""

    identity: str
    step: int | None
    slip: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A pending authenticator: its id, its seed in base32 and the `otpauth://` address for a QR code.

    The last two are secrets; show them once and keep them nowhere.
    """

    id: str
    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment(…)"


class Totp:
    """The authenticator apps of a deployment, several per person.

    `key` (32 bytes) seals the seeds; `back` is how many steps old a code may be, 0 or 1.
    """

    kind: Final = "totp"

    def __init__(
        self, engine: Engine, clock: Clock, key: bytes, *, back: int = 1, issuer: str = "Gatehouse"
    ) -> None:
        if back not in (0, 1):
            raise InvalidInput("step_up.totp_back: a code may be 0 or 1 steps old")
        self._engine = engine
        self._clock = clock
        self._back = back
        self._issuer = issuer
        self.authenticators = Authenticators(engine, clock, key)
        nobody = {"kind": self.kind, "id": "", "person_id": ""}
        self._nobody = {**nobody, "sealed": self.authenticators.seal(self.kind, "", "", _NO_SEED)}

    def enrol(
        self, person_id: str, label: str, *, name: str = "", session_tag: str = ""
    ) -> Enrolment:
        """Begin an enrolment for `person_id`, replacing one that the session never confirmed.

        `label` is the account name that the app shows, `name` what the person calls it. Who may ask is
        for the caller to know: another authenticator opens whatever the first one opens.
        """
        secret = pyotp.random_base32(32)
        identity = self.authenticators.begin(
            person_id,
            self.kind,
            secret.encode("ascii"),
            name=name,
            session_tag=session_tag,
        )
        uri = pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=self._issuer)
        return Enrolment(identity, secret, uri)

    def confirm(
        self,
        person_id: str,
        code: object,
        *,
        identity: str = "",
        session_tag: str = "",
        before: Callable[[], None] = lambda: None,
    ) -> str:
        """Activate the pending authenticator with a first good code, which is then used up; its id.

        `before` is called once the code is good and before anything changes. Raises `CodeRefused` (`not_enrolled` when nothing is pending, or no longer), and
        `TooManyAuthenticators`.
        """
        waiting = identity or self.authenticators.latest_pending(person_id, self.kind, session_tag)
        digits = _parsed(code)
        row = self.authenticators.pending(person_id, waiting, session_tag)
        if row is None or row["kind"] != self.kind:
            raise CodeRefused("not_enrolled")
        compared = self._compare(str(row["id"]), self._seed(row), digits)
        if compared.step is None:
            raise CodeRefused("wrong", slip=compared.slip)
        before()
        if not self.authenticators.activate(person_id, row["id"], last_step=compared.step):
            raise CodeRefused("replayed", compared.step)
        return str(row["id"])

    def enrolled(self, person_id: str) -> bool:
        """Whether the person has an active authenticator."""
        return bool(self.offers(person_id))

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """The person's active apps."""
        return tuple(
            Offer(one.id, self.kind, one.name)
            for one in self.authenticators.of(person_id, self.kind)
        )

    def candidates(self, person_id: str, about: str = "") -> int:
        """How many apps a code is compared with: each has good codes of its own."""
        return len(self.offers(person_id))

    def authenticator(self, person_id: str) -> str | None:
        """The id of the person's oldest active authenticator."""
        return next((one.id for one in self.offers(person_id)), None)

    def verify(self, person_id: str, code: object, about: str = "") -> int:
        """The time step of a good code, which is used up with that; raises `CodeRefused`.

        Never call it without a throttle in front: six digits can be guessed. What the code is `about`
        is bound by who calls this, because a code says nothing but the time.
        """
        return self._verify(person_id, _parsed(code))

    def options(self, person_id: str, about: str) -> None:
        """None: people type it."""

    def reads(self, text: object) -> bool:
        """Whether `text` has the form of such a code."""
        return parse_code(text) is not None

    def pretend(self, person_id: str) -> None:
        """The work of `verify` for a code that is not looked at; it is good for nobody."""
        with suppress(CodeRefused):
            self._verify(person_id, _NEVER_GOOD)

    def _verify(self, person_id: str, code: str) -> int:
        rows = self.authenticators.rows(person_id, self.kind)
        # Somebody without an authenticator costs the same work as somebody with one.
        if not rows:
            self._compare("", self._seed(self._nobody), code)
            self.authenticators.take_step("", NO_STEP)
            raise CodeRefused("not_enrolled")
        every = [self._compare(str(row["id"]), self._seed(row), code) for row in rows]
        found = next((one for one in every if one.step is not None), every[0])
        return self._take(found, slip=any(one.slip for one in every))

    def remove(self, person_id: str) -> bool:
        """Forget the person's authenticators, active or pending; false when there was none."""
        return self.authenticators.remove_all(person_id, self.kind) > 0

    def set_demo_secret(self, person_id: str, secret: str) -> None:
        """Give a demonstration account a known seed (32 base32 characters), active at once.

        A production profile must refuse to serve while `count_demo` is not 0. Never replaces an
        authenticator that a person enrolled.
        """
        if not _SEED.fullmatch(secret):
            raise InvalidInput("a demonstration seed has 32 base32 characters")
        rows = self.authenticators.rows(person_id, self.kind)
        if any(row["demo"] and self._seed(row) == secret for row in rows):
            return  # storing it anew would make its used codes good again
        if any(not row["demo"] for row in rows):
            raise InvalidInput("this person already has an authenticator of their own")
        self.authenticators.remove_all(person_id, self.kind)
        self.authenticators.begin(
            person_id,
            self.kind,
            secret.encode("ascii"),
            active=True,
            demo=True,
        )

    def count_demo(self) -> int:
        """How many active authenticators have a published seed."""
        query = sa.select(sa.func.count()).select_from(table).where(table.c.demo)
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def _compare(self, identity: str, seed: str, code: str) -> _Compared:
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
        return _Compared(identity, found, slip)

    def _take(self, compared: _Compared, *, slip: bool) -> int:
        """Use up the step that was found; raises `CodeRefused`, `wrong` for none.

        A wrong code runs the same statement, against a step that nobody can take, so that its
        answer takes as long as that of a replayed one.
        """
        step = compared.step
        taken = self.authenticators.take_step(compared.identity, NO_STEP if step is None else step)
        if step is None:
            raise CodeRefused("wrong", slip=slip)
        if not taken:
            raise CodeRefused("replayed", step)
        return step

    def _seed(self, row: Any) -> str:
        return self.authenticators.secret(row).decode("ascii")


def _parsed(code: object) -> str:
    digits = parse_code(code)
    if digits is None:
        raise CodeRefused("malformed")
    return digits
