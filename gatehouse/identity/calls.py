"""Authentication of the calls between Rasa and a separate action server, in both directions.

A call carries a MAC (HMAC-SHA-256) over its method, path, encoding, time, nonce, what the dialogue
policy admitted, and the bytes of its body; the answer carries one over the nonce of the call, its
status and its bytes. So nobody between the two can make, change, repeat or answer a call. Keys come
from the ring and rotate. Nothing here reads a body before its MAC is good, and no refusal may tell
the caller more than that it was refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.assertions import SigningKeys

WINDOW = 60.0
"""Seconds that a call may be under way, and by which two clocks may differ."""

MOST_NONCES = 100_000

SIGNATURE = "x-gatehouse-signature"
_KEY, _TIME, _NONCE = "x-gatehouse-key", "x-gatehouse-time", "x-gatehouse-nonce"
_ADMITTED = "x-gatehouse-admitted"
_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}|")
_MILLISECONDS = re.compile(r"[0-9]{10,15}")


class CallRefused(GatehouseError):
    """The call or answer is not believed. `reason` is `unsigned`, `malformed`, `unknown_key`,
    `signature`, `stale`, `future`, `replayed` or `busy`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a call of the action server was refused: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Call:
    """What a MAC covers of one call; `encoding` is the `Content-Encoding`, empty for none."""

    method: str
    path: str
    encoding: str
    body: bytes


class Caller:
    """The side of Rasa: signs calls and believes signed answers only."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, call: Call, admitted: str = "") -> dict[str, str]:
        """Headers for `call`; `admitted` is the digest of what the dialogue policy let through."""
        key = self._keys.newest()
        headers = {
            _KEY: key.id,
            _TIME: str(int(self._clock.now() * 1000)),
            _NONCE: secrets.token_hex(16),
            _ADMITTED: admitted,
        }
        headers[SIGNATURE] = _mac_of_call(key.secret, call, headers)
        return headers

    def check_answer(
        self, sent: Mapping[str, str], status: int, body: bytes, signature: str | None
    ) -> None:
        """Raise `CallRefused` unless `body` answers the call whose headers were `sent`."""
        secret = self._keys.find(sent[_KEY])
        if secret is None or signature is None:
            raise CallRefused("unsigned")
        if not _equal(_mac_of_answer(secret, sent[_NONCE], status, body), signature):
            raise CallRefused("signature")


class Callee:
    """The side of the action server: believes each signed call once, and signs its answer.

    Nonces are kept in memory for as long as a call is believed. A process knows nothing of those
    before its start, so it refuses what was signed before then.
    """

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._started_at = clock.now()
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, call: Call, headers: Mapping[str, str]) -> str:
        """The digest of what was admitted ("" for nothing); raises `CallRefused`."""
        given = {name: headers.get(name) for name in (_KEY, _TIME, _NONCE, _ADMITTED, SIGNATURE)}
        if given[SIGNATURE] is None:
            raise CallRefused("unsigned")
        read = {name: value for name, value in given.items() if value is not None}
        shapes = ((_TIME, _MILLISECONDS), (_NONCE, _HEX32), (_ADMITTED, _HEX64))
        if len(read) < len(given) or not all(s.fullmatch(read[name]) for name, s in shapes):
            raise CallRefused("malformed")
        secret = self._keys.find(read[_KEY])
        if secret is None:
            raise CallRefused("unknown_key")
        if not _equal(_mac_of_call(secret, call, read), read[SIGNATURE]):
            raise CallRefused("signature")
        self._check_time(int(read[_TIME]) / 1000)
        self._take(read[_NONCE])
        return read[_ADMITTED]

    def sign_answer(self, headers: Mapping[str, str], status: int, body: bytes) -> str | None:
        """The MAC of an answer to the call with these headers; None when its key is unknown."""
        secret = self._keys.find(headers.get(_KEY, ""))
        if secret is None:
            return None
        return _mac_of_answer(secret, headers.get(_NONCE, ""), status, body)

    def _check_time(self, signed_at: float) -> None:
        now = self._clock.now()
        if signed_at > now + WINDOW:
            raise CallRefused("future")
        if signed_at < now - WINDOW or signed_at < self._started_at:
            raise CallRefused("stale")

    def _take(self, nonce: str) -> None:
        now = self._clock.now()
        with self._lock:
            # A call may be signed up to a window ahead, and is then believed for two. What was seen
            # before the clock went back stays, or such a call could be repeated.
            while self._seen and now - next(iter(self._seen.values())) > 2 * WINDOW:
                self._seen.popitem(last=False)
            if nonce in self._seen:
                raise CallRefused("replayed")
            if len(self._seen) >= MOST_NONCES:
                self._sweep(now)
            self._seen[nonce] = now

    def _sweep(self, now: float) -> None:
        near = [(n, at) for n, at in self._seen.items() if abs(now - at) <= 2 * WINDOW]
        if len(near) >= MOST_NONCES:
            raise CallRefused("busy")
        self._seen = OrderedDict(near)


def _mac_of_call(secret: bytes, call: Call, headers: Mapping[str, str]) -> str:
    fields = (
        call.method,
        call.path,
        call.encoding,
        headers[_KEY],
        headers[_TIME],
        headers[_NONCE],
        headers[_ADMITTED],
    )
    return _mac(secret, b"call", fields, call.body)


def _mac_of_answer(secret: bytes, nonce: str, status: int, body: bytes) -> str:
    return _mac(secret, b"answer", (nonce, str(status)), body)


def _mac(secret: bytes, kind: bytes, fields: tuple[str, ...], body: bytes) -> str:
    mac = hmac.new(secret, b"gatehouse action " + kind + b" v1\n", hashlib.sha256)
    for one in fields:
        data = one.encode("utf-8", "surrogatepass")
        mac.update(len(data).to_bytes(4, "big") + data)
    mac.update(body)
    return mac.hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))
