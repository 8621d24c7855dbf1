"""Health and metrics over the channel's own HTTPS: for load balancers, and for whoever has the token.

`/healthz` and `/readyz` answer anybody with one word. `/metrics` is not there unless a token is set,
and then shows itself to its bearer only (RFC 6750); guesses are limited like those of any stranger.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac

from sanic.request import Request
from sanic.response import HTTPResponse, raw, text

from gatehouse import metrics
from gatehouse.channel import throttles
from gatehouse.channel.admission import Admission
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.errors import NotReady
from gatehouse.health import Readiness
from gatehouse.settings import Settings

SHORTEST_TOKEN = 32  # characters; 128 bits in hex
GUESSES_PER_MINUTE = 10  # of one address
ANY_HOST = frozenset({"/healthz", "/readyz"})
"""Load balancers ask by address; these two answers are the same for everybody."""

NOT_THERE = ApiError(404, "not_found", "There is nothing at this address.")


class Probes:
    """The three addresses of one deployment."""

    def __init__(
        self,
        services: Services,
        readiness: Readiness,
        admission: Admission,
        windows: Windows,
        token: str,
    ) -> None:
        self._audit = services.audit
        self._readiness = readiness
        self._admission = admission
        self._token = _digest(token) if token else None
        self._guesses = windows.window(GUESSES_PER_MINUTE, what="token")

    async def healthz(self, _request: Request) -> HTTPResponse:
        """GET /healthz: the process answers."""
        return text("ok")

    async def readyz(self, _request: Request) -> HTTPResponse:
        """GET /readyz: 200 when people can be answered, 503 when not."""
        return text("ready") if self._readiness.ready else text("not ready", status=503)

    async def metrics(self, request: Request) -> HTTPResponse:
        """GET /metrics, for the bearer of the token."""
        if self._token is None:
            raise NOT_THERE
        given = request.headers.getall("authorization", [])
        scheme, _, shown = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        right = hmac.compare_digest(_digest(shown), self._token)
        if not right or scheme.lower() != "bearer":
            source = self._admission.source(request)
            await throttles.admit(self._audit, self._guesses, source)
            raise ApiError(401, "token", "This address needs its token.")
        body, kind = await asyncio.to_thread(metrics.exposition)
        return raw(body, content_type=kind)


def read_token(settings: Settings) -> str:
    """The token of `metrics.token_file`, empty when none is named; raises `NotReady`."""
    if not settings.metrics.token_file:
        return ""
    try:
        token = settings.path(settings.metrics.token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotReady("metrics.token_file cannot be read", "name a readable file") from error
    if len(token) < SHORTEST_TOKEN:
        raise NotReady(
            f"metrics.token_file: the token has fewer than {SHORTEST_TOKEN} characters",
            "make one with `openssl rand -hex 32`",
        )
    return token


def _digest(text: str) -> bytes:
    # Of one length, so that comparing tells nothing about how long the token is.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
