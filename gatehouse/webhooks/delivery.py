"""Sends signed messages to other systems: HTTPS only, to allowed addresses, until they answer.

A name is resolved once and the connection goes to an address that was checked, so that a name server
cannot lead a message somewhere else (DNS rebinding, server-side request forgery; ASVS 5.0 V1.3.6).
Redirects are not followed and answers are bounded. All methods block; call them in a worker thread.
"""

from __future__ import annotations

import ipaddress
import json
import math
import random
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gatehouse.clock import Clock, as_iso
from gatehouse.errors import GatehouseError, InvalidInput, Unavailable
from gatehouse.logs import get_logger
from gatehouse.webhooks.endpoints import Target
from gatehouse.webhooks.signature import ID, SIGNATURE, TIMESTAMP, sign

log = get_logger(__name__)

LARGEST: Final = 64 * 1024  # bytes of a message and of an answer
_CONNECT, _READ = 3.05, 10.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

Resolve = Callable[[str, int], list[str]]


class WebhookUnavailable(Unavailable):
    """The other system did not take the message in time; it may or may not have seen it."""


class WebhookRefused(GatehouseError):
    """The other system refused the message for good; `status` is its HTTP status."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"the system behind webhook {name!r} refused a message (status {status})")
        self.status = status


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was taken: its id, the HTTP status, the answer, how many attempts it took."""

    id: str
    status: int
    answer: bytes
    attempts: int


class Outgoing:
    """Delivers to the targets of one deployment."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        clock: Clock,
        *,
        resolve: Resolve | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._targets = targets
        self._clock = clock
        self._resolve = resolve or _addresses_of
        self._pause = pause

    def knows(self, name: str) -> bool:
        """Whether there is a target called `name`."""
        return name in self._targets

    def deliver(
        self,
        name: str,
        kind: str,
        data: Mapping[str, Any],
        *,
        message_id: str | None = None,
        within: float = 20.0,
    ) -> Delivery:
        """Send `data` as a message of `kind` and return when it was taken.

        Every attempt carries the same id, also as `Idempotency-Key`, so that the other side acts
        once. Gives up after `within` seconds. Raises `InvalidInput` for an unknown target or an
        oversized message, `WebhookRefused`, `WebhookUnavailable`.
        """
        target = self._targets.get(name)
        if target is None:
            raise InvalidInput(f"there is no outgoing webhook {name!r}", "name it in webhooks.toml")
        body = _body(kind, as_iso(self._clock.now()), data)
        chosen = message_id or f"msg_{secrets.token_hex(16)}"
        until = time.monotonic() + within
        attempt, last = 0, "nothing"
        while True:
            attempt += 1
            try:
                status, answer, wait = self._post(target, chosen, body, until)
            except _Unreachable as error:
                status, answer, wait, last = 0, b"", 0.0, error.reason
                if error.final:
                    until = 0.0
            if 200 <= status < 300:
                return Delivery(chosen, status, answer, attempt)
            if status:
                last = f"status {status}"
                if status not in _AGAIN:
                    raise WebhookRefused(name, status)
            pause = max(wait, _pause_after(attempt))
            if time.monotonic() + pause >= until:
                log.warning("a webhook was not delivered", webhook=name, reason=last)
                raise WebhookUnavailable(
                    f"the system behind webhook {name!r} cannot be reached ({last})"
                )
            self._pause(pause)

    def _post(
        self, target: Target, message_id: str, body: bytes, until: float
    ) -> tuple[int, bytes, float]:
        """One attempt: status, answer and how long the other side asks to wait."""
        import urllib3
        from urllib3.exceptions import HTTPError

        address = self._allowed_address(target)
        timestamp = int(self._clock.now())
        left = max(0.1, until - time.monotonic())
        headers = {
            "Host": urlsplit(target.url).netloc,
            "Content-Type": "application/json",
            "User-Agent": "gatehouse",
            "Idempotency-Key": message_id,
            ID: message_id,
            TIMESTAMP: str(timestamp),
            SIGNATURE: sign(target.keys, message_id, timestamp, body),
        }
        pool = urllib3.HTTPSConnectionPool(
            address,
            target.port,
            timeout=urllib3.Timeout(connect=min(_CONNECT, left), read=min(_READ, left)),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=target.authority or _system_authorities(),
            server_hostname=target.host,
            assert_hostname=target.host,
            ssl_minimum_version=ssl.TLSVersion.TLSv1_2,
        )
        parts = urlsplit(target.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            answer = pool.request(
                "POST", path, body=body, headers=headers, redirect=False, preload_content=False
            )
            try:
                content = answer.read(LARGEST + 1)
            finally:
                answer.close()
        except (HTTPError, OSError, ValueError) as error:
            raise _Unreachable(_why(error)) from error
        finally:
            pool.close()
        if len(content) > LARGEST:
            raise _Unreachable("answer too long")
        return answer.status, content, _retry_after(answer.headers.get("Retry-After"))

    def _allowed_address(self, target: Target) -> str:
        try:
            found = self._resolve(target.host, target.port)
        except OSError as error:
            raise _Unreachable("name not found") from error
        for address in found:
            if target.allows(ipaddress.ip_address(address)):
                return address
        # Trying again leads to the same address; the settings have to change.
        raise _Unreachable("address not allowed", final=True)


class _Unreachable(Exception):
    """An attempt that got no answer; `reason` is a word for the log, never a value."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.final = reason, final


def _why(error: Exception) -> str:
    """What went wrong with a connection, in words; never with values of it."""
    from urllib3.exceptions import NewConnectionError, SSLError, TimeoutError

    words = {
        "nobody listens there": NewConnectionError,
        "its certificate or TLS is not accepted": SSLError,
        "no answer in time": TimeoutError,
    }
    found = [said for said, kind in words.items() if isinstance(error, kind)]
    return found[0] if found else f"the connection failed, {type(error).__name__}"


def _body(kind: str, at: str, data: Mapping[str, Any]) -> bytes:
    message = {"type": kind, "timestamp": at, "data": dict(data)}
    try:
        body = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InvalidInput("a webhook message must be plain JSON") from error
    if len(body) > LARGEST:
        raise InvalidInput(f"a webhook message can have {LARGEST} bytes at most")
    return body


def _pause_after(attempt: int) -> float:
    """Doubling pauses with jitter, so that many senders do not come back at once."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.75, 1.25)


def _retry_after(header: str | None) -> float:
    try:
        seconds = float(header or 0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(item[4][0]) for item in found]


def _system_authorities() -> str:
    import certifi

    return str(certifi.where())
