"""A person's own factors: which there are, and new recovery codes.

Changing factors needs an assurance of its own: a good code at that moment, whatever the session
proved before, counted by the same throttle as any other. Every change is in the audit log before it is
made. No secret is ever shown again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.factors import Factors
from gatehouse.stepup.recovery import RecoveryCodes
from gatehouse.stepup.refusals import ChallengeRefused
from gatehouse.stepup.throttle import CodeThrottle, Counter
from gatehouse.stepup.totp import CodeRefused, Totp


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has: whether an authenticator app, and how many recovery codes are left."""

    totp: bool
    recovery_left: int


class OwnFactors:
    """The factors of one deployment, as their owners may see and change them.

    `counter_of` is that of `StepUp`: a guess here and a guess there are counted together.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        totp: Totp,
        recovery: RecoveryCodes,
        record: Callable[..., Any],
        counter_of: Callable[[str, str], Counter],
    ) -> None:
        self._engine = engine
        self._totp = totp
        self._recovery = recovery
        self._record = record
        self._counter_of = counter_of
        self._factors = Factors((totp, recovery))
        self._throttle = CodeThrottle(clock)

    def of(self, person_id: str) -> Standing:
        """What the person has."""
        return Standing(self._totp.enrolled(person_id), self._recovery.left(person_id))

    def new_recovery_codes(
        self, person_id: str, code: object, *, known_with: str = ""
    ) -> tuple[str, ...]:
        """New recovery codes in place of all former ones, for a good code of any factor.

        Raises `ChallengeRefused` (`wrong`, `throttled`, `locked`, `malformed`, `not_enrolled`).
        """
        self._prove(person_id, code, known_with, "recovery_codes")
        self._record("administration", operation="factors.recovery", person=person_id, by="person")
        return self._recovery.issue(person_id)

    def _prove(self, person_id: str, code: object, known_with: str, purpose: str) -> None:
        """Raise `ChallengeRefused` unless `code` is good now; it is used up."""
        factor = self._factors.of(code)
        if factor is None:
            raise ChallengeRefused("malformed", attempts_left=1)
        if not self._factors.enrolled(person_id):
            raise self._refused(person_id, purpose, ChallengeRefused("not_enrolled"))
        counter = self._counter_of(person_id, known_with)
        with transaction(self._engine) as connection:
            standing = self._throttle.check(connection, counter)
            if standing.open:
                self._throttle.count(connection, counter, standing)
        if standing.locked:
            refusal = ChallengeRefused("locked", state="" if counter.known else "locked_here")
            raise self._refused(person_id, purpose, refusal)
        if not standing.open:
            refusal = ChallengeRefused("throttled", attempts_left=1, retry_after=standing.wait)
            raise self._refused(person_id, purpose, refusal)
        try:
            factor.verify(person_id, code)
        except CodeRefused as refused:
            with transaction(self._engine) as connection:
                self._throttle.settle(connection, counter, slip=refused.slip)
            refusal = ChallengeRefused("wrong", attempts_left=1)
            raise self._refused(person_id, purpose, refusal) from None
        self._record("step_up_passed", person=person_id, intent=purpose, factor=factor.kind)
        with transaction(self._engine) as connection:
            self._throttle.good(connection, counter)

    def _refused(self, person_id: str, purpose: str, refusal: ChallengeRefused) -> ChallengeRefused:
        self._record("step_up_failed", person=person_id, intent=purpose, reason=refusal.reason)
        return refusal
