"""What the channel needs from the rest of Gatehouse.

A protocol rather than the runtime itself, so that the channel can be built over other parts in a
test and says in one place what it depends on. The runtime is looked up late: importing the channel
must not open databases or keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gatehouse.audit import AuditLog
    from gatehouse.audit.signing import Checkpointer
    from gatehouse.clock import Clock
    from gatehouse.identity import Directory, Issuer, Sessions
    from gatehouse.identity.calls import Caller
    from gatehouse.identity.devices import Devices
    from gatehouse.identity.exports import Exports
    from gatehouse.identity.front_ends import FrontEnds
    from gatehouse.identity.provider.service import ProviderSignIn
    from gatehouse.keys import KeyRing
    from gatehouse.policy import PolicyStore
    from gatehouse.settings import Settings
    from gatehouse.stepup import StepUp, Totp
    from gatehouse.stepup.assembly import StepUpParts
    from gatehouse.stepup.notices import Notices
    from gatehouse.stepup.own_factors import OwnFactors
    from gatehouse.tracker.lifecycle import Conversations
    from gatehouse.tracker.rights import Rights
    from gatehouse.webhooks import Receiver


class Services(Protocol):
    """The services of one deployment; see `gatehouse.runtime.Runtime`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def provider(self) -> ProviderSignIn | None: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def front_ends(self) -> FrontEnds: ...
    @property
    def issuer(self) -> Issuer: ...
    @property
    def caller(self) -> Caller: ...
    @property
    def step_up(self) -> StepUp: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def checkpoints(self) -> Checkpointer: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def rights(self) -> Rights: ...
    @property
    def factors(self) -> StepUpParts: ...
    @property
    def own_factors(self) -> OwnFactors: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def totp(self) -> Totp: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def ring(self) -> KeyRing: ...
    @property
    def policies(self) -> PolicyStore: ...
    @property
    def receiver(self) -> Receiver: ...
    def purge(self) -> object: ...


def of_this_process() -> Services:
    """The services of the runtime of this process; raises `GatehouseError` when it cannot start."""
    from gatehouse.runtime import current

    services: Services = current()
    return services
