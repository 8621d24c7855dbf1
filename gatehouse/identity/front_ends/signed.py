"""What a front end signs: that it is itself (RFC 7523), and that a request is its own (RFC 9449, DPoP).

Both are JWTs with exact members, good for a minute and once. The key comes from the registry and decides the
algorithm; nothing that a token says about keys is believed. Must refuse whatever object it is handed,
with a reason for the log, and must let no other exception out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import jwt

from gatehouse.errors import GatehouseError
from gatehouse.identity.front_ends.keys import KeyNotAccepted, PublicKey

ASSERTION_TYPE = "gatehouse-front-end+jwt"
PROOF_TYPE = "dpop+jwt"
LIFETIME = 60
"""Seconds for which either is good."""
SKEW = 5
"""Seconds that the clock of a front end may be ahead."""
MAX_TOKEN = 4096

_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_ASSERTION = {"iss", "sub", "aud", "iat", "exp", "jti", "domain"}
_PROOF = {"htm", "htu", "iat", "jti"}


class FrontEndRefused(GatehouseError):
    """Nothing was proven. `reason` is for the log: `missing`, `too_large`, `malformed`, `algorithm`,
    `type`, `unknown_key`, `signature`, `claims`, `audience`, `domain`, `expired`, `future`, `replayed`, `request`,
    `token` or `front_end`."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__("This front end could not prove itself.")
        self.reason = reason


class Signed:
    """A signed token whose header was read and whose signature was not yet checked."""

    def __init__(self, token: object, kind: str) -> None:
        if not isinstance(token, str) or not token:
            raise FrontEndRefused("missing")
        if len(token) > MAX_TOKEN:
            raise FrontEndRefused("too_large")
        self._token = token
        self.header = self._header()
        if self.header.get("typ") != kind:
            raise FrontEndRefused("type")

    def _header(self) -> dict[str, Any]:
        try:
            header: dict[str, Any] = jwt.get_unverified_header(self._token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise FrontEndRefused("malformed") from error
        return header

    def claims(self, key: PublicKey, allowed: set[str]) -> Mapping[str, Any]:
        """The members, exactly `allowed`, if `key` signed them."""
        if self.header.get("alg") != key.algorithm:
            raise FrontEndRefused("algorithm")
        try:
            claims: dict[str, Any] = jwt.decode(
                self._token,
                key.value,
                algorithms=[key.algorithm],
                # Members and times are checked below, against the injected clock.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                    "verify_iss": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.InvalidSignatureError as error:
            raise FrontEndRefused("signature") from error
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise FrontEndRefused("malformed") from error
        if set(claims) != allowed or not _is_id(claims["jti"]) or not _is_time(claims["iat"]):
            raise FrontEndRefused("claims")
        return claims


class Assertion(Signed):
    """A front end says who it is, to one address."""

    def __init__(self, token: object) -> None:
        super().__init__(token, ASSERTION_TYPE)
        if set(self.header) != {"alg", "typ", "kid"}:
            raise FrontEndRefused("type")
        self.key_id = str(self.header["kid"])

    def verify(
        self,
        key: PublicKey,
        issuer: str,
        domain: str,
        audience: str,
        now: float,
        *,
        subject: str = "",
    ) -> tuple[str, float]:
        """Its id, and until when it must be remembered as used; raises `FrontEndRefused`.

        `subject` is the `issuer` itself unless named.
        """
        claims = self.claims(key, _ASSERTION)
        if not _same(claims["iss"], issuer) or not _same(claims["sub"], subject or issuer):
            raise FrontEndRefused("claims")
        if not _same(claims["aud"], audience):
            raise FrontEndRefused("audience")
        if not _same(claims["domain"], domain):
            raise FrontEndRefused("domain")
        issued, ends = claims["iat"], claims["exp"]
        if not _is_time(ends) or not 0 < ends - issued <= LIFETIME:
            raise FrontEndRefused("claims")
        _check_times(issued, ends, now)
        return str(claims["jti"]), ends


class Proof(Signed):
    """A front end says that a request with a token is its own (RFC 9449, section 4.3)."""

    def __init__(self, token: object) -> None:
        super().__init__(token, PROOF_TYPE)
        if set(self.header) != {"alg", "typ", "jwk"}:
            raise FrontEndRefused("type")
        try:
            self.key_id = PublicKey.of(self.header["jwk"]).id
        except KeyNotAccepted as error:
            raise FrontEndRefused("unknown_key") from error

    def verify(
        self, key: PublicKey, method: str, address: str, now: float, token: str
    ) -> tuple[str, float]:
        """Its id, and until when it must be remembered as used; raises `FrontEndRefused`."""
        claims = self.claims(key, _PROOF | {"ath"})
        if not _same(claims["htm"], method) or not _same(claims["htu"], address):
            raise FrontEndRefused("request")
        if not _same(claims["ath"], token_digest(token)):
            raise FrontEndRefused("token")
        issued = claims["iat"]
        _check_times(issued, issued + LIFETIME, now)
        return str(claims["jti"]), issued + LIFETIME


def token_digest(token: str) -> str:
    """How a proof names the access token (RFC 9449, `ath`)."""
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_times(issued: float, ends: float, now: float) -> None:
    if issued > now + SKEW:
        raise FrontEndRefused("future")
    if now >= ends:
        raise FrontEndRefused("expired")


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def _is_time(value: object) -> bool:
    # Not a number, infinity, and what is no date at all fail the comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode()
    )
