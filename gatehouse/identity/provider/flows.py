"""One sign-in at the provider from its beginning to its end, held by the browser that began it.

State, nonce and PKCE verifier (RFC 7636) travel in a sealed cookie, so that strangers who begin sign-ins
fill no table here and an answer is of use in that browser alone (RFC 9700 sections 4.5 and 4.7). A flow
lives ten minutes and can be finished once, whether or not it ends well.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.provider.errors import ProviderRefused
from gatehouse.identity.provider.seen import Seen
from gatehouse.keys.envelope import associated_data, seal, unseal

RETURN_PATH = "/sign-in/return"
AFTER_PATH = "/chat"
LIFETIME = 600.0
MAX_COOKIE = 1024

_BOUND = associated_data(record="provider flow")


@dataclass(frozen=True, slots=True)
class Flow:
    """What a browser that signs in brings back; `replaces` is the session that it had before."""

    started_at: float
    replaces: str = field(default="", repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


class Flows:
    """Begins and finishes flows; `key` is 32 bytes."""

    def __init__(self, clock: Clock, key: bytes, seen: Seen) -> None:
        self._clock = clock
        self._key = key
        self._seen = seen

    def begin(self, replaces: str = "") -> tuple[Flow, str]:
        """A new flow, and the value of its cookie (ASCII, at most `MAX_COOKIE` characters)."""
        flow = Flow(self._clock.now(), replaces)
        sealed = seal(self._key, json.dumps(asdict(flow)).encode(), _BOUND)
        return flow, base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def finish(self, cookie: object, state: object) -> Flow:
        """The flow of `cookie`, used up, if `state` is its own.

        Raises `ProviderRefused` (`flow`, or `replayed` for one that was finished before).
        """
        flow = self._read(cookie)
        shown = state.encode("utf-8", "surrogatepass") if isinstance(state, str) else b""
        age = self._clock.now() - flow.started_at
        if not hmac.compare_digest(flow.state.encode(), shown) or not -60 <= age < LIFETIME:
            raise ProviderRefused("flow")
        if not self._seen.first("state", flow.state, flow.started_at + 2 * LIFETIME):
            raise ProviderRefused("replayed")
        return flow

    def _read(self, cookie: object) -> Flow:
        if not isinstance(cookie, str) or not 0 < len(cookie) <= MAX_COOKIE:
            raise ProviderRefused("flow")
        try:
            sealed = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            return Flow(**json.loads(unseal(self._key, sealed, _BOUND)))
        except (GatehouseError, binascii.Error, ValueError, TypeError):
            raise ProviderRefused("flow") from None
