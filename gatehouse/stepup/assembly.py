"""Puts the parts of step-up together, the same way for a deployment and for its tests.

The step-up of the chat and the one for changing one's own factors share tables, keys and counters, so a
guess here and a guess there are counted together; only the latter takes enrolment tickets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.keys.columns import SealedColumn
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.enrolling import AppEnrolment
from gatehouse.stepup.levels import levels_of
from gatehouse.stepup.notices import Notices
from gatehouse.stepup.own_factors import OwnFactors
from gatehouse.stepup.recovery import RecoveryCodes
from gatehouse.stepup.service import StepUp
from gatehouse.stepup.tickets import Tickets
from gatehouse.stepup.totp import Totp


class Settings(Protocol):
    """The settings of step-up that are needed here."""

    @property
    def challenge(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def totp_back(self) -> int: ...
    @property
    def sms_level(self) -> str: ...


@dataclass(frozen=True)
class StepUpParts:
    """The parts of one deployment."""

    totp: Totp
    recovery: RecoveryCodes
    authenticators: Authenticators
    tickets: Tickets
    notices: Notices
    step_up: StepUp
    own_factors: OwnFactors

    def expire(self) -> int:
        """Close and delete what is over; for the purge loop. Returns how many rows went."""
        pruned = self.authenticators.prune() + self.tickets.prune() + self.notices.prune()
        return self.step_up.expire() + pruned

    def remove(self, person_id: str) -> int:
        """Forget every factor of a person, and tickets; how many authenticators there were."""
        gone = self.authenticators.remove_all(person_id)
        self.recovery.remove(person_id)
        self.tickets.remove(person_id)
        return gone

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (*self.authenticators.sealed_columns(), *self.notices.sealed_columns())


def assemble(
    engine: Engine,
    clock: Clock,
    settings: Settings,
    key_of: Callable[[str], bytes],
    record: Callable[..., Any],
    *,
    levels_asked: Callable[[], Collection[str]] = lambda: ("aal2",),
) -> StepUpParts:
    """The parts over `engine`; `key_of` gives 32 bytes for a name, `record` writes an audit entry."""
    totp = Totp(engine, clock, key_of("totp"), back=settings.totp_back)
    authenticators = totp.authenticators
    recovery = RecoveryCodes(engine, clock, key_of("recovery-codes"))
    tickets = Tickets(engine, clock, key_of("enrolment-tickets"), authenticators)
    notices = Notices(engine, clock, key_of("factor-notices"))
    levels = levels_of(settings.sms_level)
    key = key_of("step-up")
    step_up = StepUp(engine, clock, settings, key, totp, record, others=(recovery,), levels=levels)
    changing = StepUp(
        engine, clock, settings, key, totp, record, others=(recovery, tickets), levels=levels
    )
    own_factors = OwnFactors(
        changing,
        authenticators,
        (AppEnrolment(totp),),
        recovery,
        notices,
        record,
        levels_asked,
        levels,
    )
    return StepUpParts(totp, recovery, authenticators, tickets, notices, step_up, own_factors)
