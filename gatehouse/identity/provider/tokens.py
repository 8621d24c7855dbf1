"""ID tokens and logout tokens: believed only after every check of the standards.

OpenID Connect Core 1.0 section 3.1.3.7, Back-Channel Logout 1.0 section 2.6, RFC 8725. The algorithm is
one that the settings name, the key one that the provider publishes for it; a key or an address inside a
token is never looked at. Whatever a token is, the only error is `ProviderRefused`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.provider.errors import ProviderRefused

SKEW = 60
"""Seconds by which the provider's clock may differ."""

OLDEST = 600
"""Seconds that an ID token may be old: it was asked for a moment ago."""

MAX_TOKEN = 32768
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "Ed25519": "OKP"}

FindKey = Callable[[str | None, str], Key | None]


@dataclass(frozen=True, slots=True)
class Logout:
    """Whom a logout token is about: a subject, a session at the provider, or both."""

    subject: str
    session: str
    token_id: str
    expires_at: float


class Tokens:
    """Reads the tokens of one provider for one client."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        algorithms: tuple[str, ...],
        find_key: FindKey,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._algorithms = algorithms
        self._find_key = find_key
        self._clock = clock

    def identity(
        self, token: object, nonce: str, access_token: str = "", *, needs_auth_time: bool = False
    ) -> Mapping[str, Any]:
        """The claims of an ID token for the flow with this `nonce`; raises `ProviderRefused`."""
        header, claims = self._opened(token)
        now = int(self._clock.now())
        checked = CodeIDToken(
            claims,
            header,
            options={
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
            },
            params={"client_id": self._client_id, "nonce": nonce, "access_token": access_token},
        )
        try:
            checked.validate(now=now, leeway=SKEW)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ProviderRefused("token", _named(error)) from None
        _require(hmac.compare_digest(_text(claims, "nonce"), nonce.encode()), "nonce")
        _require(len(_text(claims, "sub")) <= 255, "sub")
        _require(_only(claims.get("aud"), self._client_id) or claims.get("azp"), "azp")
        # The library takes an empty or odd `azp` for none.
        _require(claims.get("azp") in (None, self._client_id), "azp")
        _require(now - _number(claims, "iat") <= OLDEST + SKEW, "iat")
        # A logout token is signed with the same key and must not pass for an identity.
        _require("events" not in claims, "events")
        if needs_auth_time or "auth_time" in claims:
            _require(_number(claims, "auth_time") <= now + SKEW, "auth_time")
        return claims

    def logout(self, token: object) -> Logout:
        """What a logout token says; raises `ProviderRefused`. Its replay is for the caller to find."""
        header, claims = self._opened(token)
        now = self._clock.now()
        kind = str(header.get("typ", "logout+jwt")).lower()
        _require(kind in ("logout+jwt", "application/logout+jwt", "jwt"), "typ")
        _require(claims.get("iss") == self._issuer, "iss")
        audience = claims.get("aud")
        _require(audience == self._client_id or _only(audience, self._client_id), "aud")
        _require(-SKEW <= now - _number(claims, "iat") <= OLDEST, "iat")
        _require(now < _number(claims, "exp") + SKEW, "exp")
        events = claims.get("events")
        _require(isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict), "events")
        _require("nonce" not in claims, "nonce")
        subject, session = claims.get("sub", ""), claims.get("sid", "")
        _require(isinstance(subject, str) and isinstance(session, str), "sub")
        _require(bool(subject or session) and max(len(subject), len(session)) <= 255, "sub")
        token_id = claims.get("jti")
        _require(isinstance(token_id, str) and 0 < len(token_id) <= 255, "jti")
        return Logout(subject, session, str(token_id), _number(claims, "exp"))

    def _opened(self, token: object) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Header and claims of a token whose signature is right."""
        if not isinstance(token, str) or not token or len(token) > MAX_TOKEN:
            raise ProviderRefused("token", "size")
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
            algorithm, key_id = header.get("alg"), header.get("kid")
            if algorithm not in self._algorithms or algorithm not in KINDS:
                raise ProviderRefused("token", "alg")
            _require("crit" not in header, "crit")
            _require(key_id is None or isinstance(key_id, str), "kid")
            key = self._find_key(key_id, KINDS[algorithm])
            if key is None or key.get("alg") not in (None, algorithm):
                raise ProviderRefused("token", "kid")
            decoded = jwt.decode(token, key, algorithms=[algorithm])
        except GatehouseError:
            raise
        except Exception as error:
            # Whatever a parser stumbled over, nothing was proven.
            raise ProviderRefused("token", _named(error)) from error
        return decoded.header, decoded.claims


def _require(holds: object, what: str) -> None:
    if not holds:
        raise ProviderRefused("token", what)


def _only(audience: object, client_id: str) -> bool:
    return audience in (client_id, [client_id])


def _text(claims: Mapping[str, Any], name: str) -> bytes:
    value = claims.get(name)
    _require(isinstance(value, str) and value, name)
    return str(value).encode("utf-8", "surrogatepass")


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ProviderRefused("token", name)
    return float(value)


def _named(error: Exception) -> str:
    """What the library found wrong, in one of its own words: never a value of the token."""
    return str(getattr(error, "error", "") or type(error).__name__)[:60]
