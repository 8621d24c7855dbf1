"""Puts the parts of step-up together, the same way for a deployment and for its tests.

The step-up of the chat and the one for changing one's own factors share tables, keys and counters, so a
guess here and a guess there are counted together; only the latter takes enrolment tickets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys.columns import SealedColumn
from gatehouse.settings import Settings as Deployment
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.carriers import ByMail, ByText, Mail, Webhooks
from gatehouse.stepup.courier import Courier, nobody
from gatehouse.stepup.delivered import Carrier, DeliveredCodes
from gatehouse.stepup.enrolling import AppEnrolment
from gatehouse.stepup.factors import Factor
from gatehouse.stepup.levels import levels_of
from gatehouse.stepup.notices import Notices
from gatehouse.stepup.own_factors import OwnFactors
from gatehouse.stepup.passkeys import Passkeys, Site
from gatehouse.stepup.recovery import RecoveryCodes
from gatehouse.stepup.resets import Resets
from gatehouse.stepup.service import StepUp
from gatehouse.stepup.tickets import Tickets
from gatehouse.stepup.totp import Totp

COPIED = (
    "One of your passkeys answered as a copy of it would, so it is not accepted any more. "
    "Remove it, and tell your administrator."
)


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
    passkeys: Passkeys
    authenticators: Authenticators
    tickets: Tickets
    notices: Notices
    step_up: StepUp
    own_factors: OwnFactors
    resets: Resets
    delivered: tuple[DeliveredCodes, ...] = ()

    def expire(self) -> int:
        """Close and delete what is over; for the purge loop. Returns how many rows went."""
        pruned = self.authenticators.prune() + self.tickets.prune() + self.notices.prune()
        pruned += self.resets.prune() + sum(one.prune() for one in self.delivered)
        return self.step_up.expire() + pruned

    def remove(self, person_id: str) -> int:
        """Forget every factor of a person, and tickets; how many authenticators there were."""
        return remove_all(person_id, self.authenticators, self.recovery, self.tickets)

    def close(self) -> None:
        """Send the notices that wait; nothing is sent afterwards."""
        self.notices.close()

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (*self.authenticators.sealed_columns(), *self.notices.sealed_columns())


def remove_all(
    person_id: str, authenticators: Authenticators, recovery: RecoveryCodes, tickets: Tickets
) -> int:
    """Forget every factor of a person, and tickets; how many authenticators there were."""
    recovery.remove(person_id)
    tickets.remove(person_id)
    return authenticators.remove_all(person_id)


def assemble(
    engine: Engine,
    clock: Clock,
    settings: Settings,
    key_of: Callable[[str], bytes],
    record: Callable[..., Any],
    *,
    site: Site,
    mail: Mail | None = None,
    mail_domains: tuple[str, ...] = (),
    texts: Webhooks | None = None,
    levels_asked: Callable[[], Collection[str]] = lambda: ("aal2",),
) -> StepUpParts:
    """The parts over `engine`; `key_of` gives 32 bytes for a name, `record` writes an audit entry,
    `site` is whom passkeys are made for. Without `mail` or `texts` there are no such codes."""
    totp = Totp(engine, clock, key_of("totp"), back=settings.totp_back)
    authenticators = totp.authenticators
    recovery = RecoveryCodes(engine, clock, key_of("recovery-codes"))
    levels = levels_of(settings.sms_level)
    tickets = Tickets(engine, clock, key_of("enrolment-tickets"), authenticators, levels)
    also = Courier(authenticators, mail) if mail else nobody
    notices = Notices(engine, clock, key_of("factor-notices"), also)
    carriers: list[Carrier] = [ByMail(mail, mail_domains)] if mail else []
    if texts:
        carriers.append(ByText(texts))
    delivered = [
        DeliveredCodes(engine, clock, key_of("delivered-codes"), authenticators, one)
        for one in carriers
    ]

    def alarm(person_id: str) -> None:
        notices.tell(person_id, COPIED)

    passkeys = Passkeys(key_of("passkeys"), authenticators, site, alarm)
    others: tuple[Factor, ...] = (recovery, passkeys, *delivered)
    key = key_of("step-up")
    step_up = StepUp(engine, clock, settings, key, totp, record, others=others, levels=levels)
    changing = StepUp(
        engine, clock, settings, key, totp, record, others=(*others, tickets), levels=levels
    )
    own_factors = OwnFactors(
        changing,
        authenticators,
        (AppEnrolment(totp), passkeys, *delivered),
        recovery,
        notices,
        record,
        levels_asked,
        levels,
    )

    def remove(person_id: str) -> None:
        remove_all(person_id, authenticators, recovery, tickets)

    resets = Resets(engine, clock, key_of("factor-resets"), authenticators, remove, notices, record)
    return StepUpParts(
        totp,
        recovery,
        passkeys,
        authenticators,
        tickets,
        notices,
        step_up,
        own_factors,
        resets,
        tuple(delivered),
    )


def passkey_site(settings: Deployment) -> Site:
    """Whom passkeys are made for in a deployment; raises `InvalidInput` for a domain that no browser
    would take for its origin (Web Authentication Level 3 section 5.1.2)."""
    origin = settings.server.origin.rstrip("/")
    host = urlsplit(origin).hostname or ""
    rp_id = settings.step_up.rp_id or host
    if rp_id != host and not (host.endswith(f".{rp_id}") and "." in rp_id):
        raise InvalidInput(
            f"step_up.rp_id: {rp_id!r} is not the host of server.public_origin or a domain above it",
            f"it is {host!r} by default",
        )
    return Site(origin, rp_id, tuple(settings.server.framed_by))
