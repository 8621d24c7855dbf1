"""The services of one deployment, and the little that concerns several of them at once.

A purge and the entry of a start belong to no service alone. Nothing here opens or makes anything.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from gatehouse.approval import ApprovalStore, Approver
from gatehouse.audit import AuditLog
from gatehouse.audit.deployment import open_anchor, record_start
from gatehouse.audit.signing import Checkpointer
from gatehouse.clock import Clock
from gatehouse.identity import Directory, Issuer, RotatingKeys, Sessions, Verifier
from gatehouse.identity.calls import Caller
from gatehouse.identity.devices import Devices
from gatehouse.identity.exports import Exports
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.keys import KeyRing
from gatehouse.logs import get_logger
from gatehouse.policy import PolicyStore
from gatehouse.settings import Settings, differing
from gatehouse.state import ConversationState
from gatehouse.stepup import RecoveryCodes, StepUp, Totp
from gatehouse.stepup.assembly import StepUpParts
from gatehouse.stepup.notices import Notices
from gatehouse.stepup.own_factors import OwnFactors
from gatehouse.tracker import Conversations, Purged
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.purges import Purges
from gatehouse.tracker.receipts import Receipts
from gatehouse.tracker.rights import Rights
from gatehouse.webhooks import Outgoing, Receiver

if TYPE_CHECKING:
    from gatehouse.identity.provider.service import ProviderSignIn

log = get_logger(__name__)

_DAY = 86_400


@dataclass(frozen=True)
class Runtime:
    """The services of one deployment."""

    settings: Settings
    clock: Clock
    engine: Engine
    ring: KeyRing
    audit: AuditLog
    checkpoints: Checkpointer
    directory: Directory
    devices: Devices
    sessions: Sessions
    provider: ProviderSignIn | None
    front_ends: FrontEnds
    issuer: Issuer
    verifier: Verifier
    assertion_keys: RotatingKeys
    call_keys: RotatingKeys
    totp: Totp
    recovery: RecoveryCodes
    factors: StepUpParts
    notices: Notices
    own_factors: OwnFactors
    step_up: StepUp
    policies: PolicyStore
    approvals: ApprovalStore
    approver: Approver
    conversations: Conversations
    exports: Exports
    state: ConversationState
    receipts: Receipts
    holds: Holds
    rights: Rights
    purges: Purges
    outgoing: Outgoing
    receiver: Receiver

    @property
    def caller(self) -> Caller:
        """Signs the calls of a separate action server."""
        return Caller(self.call_keys, self.clock)

    def purge(self) -> Purged:
        """Remove what has expired, here and in the sign-in and step-up tables; recorded if anything.

        Closing what is over is also what keeps a clock that jumps back from reviving it.
        """
        try:
            self.holds.mark_again()
            purged = self.conversations.purge()
            if purged.conversations:
                log.info("expired conversations were destroyed", count=purged.conversations)
                self.audit.append("purge", conversations=purged.conversations, keys=purged.keys)
            if timed_out := self.sessions.expire():
                self.audit.append("session_ended", reason="time", count=timed_out)
            self.sessions.prune()
            self.front_ends.prune()
            self.factors.expire()
            self.directory.prune()
            self.receiver.prune()
            if self.provider is not None:
                self.provider.prune()
            longest = max(self.settings.retention.ttl, self.settings.session.absolute)
            self.state.purge(longest + _DAY)
            self.audit.expire_pseudonyms()
            self.holds.lapse()
        except BaseException:
            self.purges.failed(self.clock.now())
            raise
        if purged.altered:
            self.purges.failed(self.clock.now())
            raise TrackerTampered("end_or_expiry_altered")
        self.purges.succeeded(purged, self.clock.now())
        return purged

    def record_start(self) -> None:
        """Write to the audit log that this process begins to serve."""
        anchor = open_anchor(self.settings, self.ring)
        key = self.ring.service_key("settings")

        def mark(text: str) -> str:
            return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:12]

        changed = differing(self.settings, mark)
        record_start(
            self.audit,
            anchor,
            self.checkpoints.trust.origin,
            profile=self.settings.server.profile,
            settings=changed,
        )

    def close(self) -> None:
        """Close the databases; nothing can be asked afterwards."""
        self.factors.close()
        self.ring.close()
        self.engine.dispose()
        self.audit.engine.dispose()
