"""A provider's keys and tokens, made by a test, so that it can also make what no provider makes."""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc import jwk, jwt

from gatehouse.clock import SettableClock
from gatehouse.identity.provider.errors import ProviderUnavailable
from gatehouse.identity.provider.metadata import Published
from gatehouse.identity.provider.tokens import LOGOUT_EVENT, Tokens

ISSUER = "https://idp.example.org"
CLIENT = "gatehouse"
NONCE = "the nonce of this flow"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
ED = jwk.OKPKey.generate_key("Ed25519", {"kid": "ed-1", "use": "sig"})


class Stand:
    """What a provider publishes; `asked` are the addresses that were fetched."""

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.away = False
        self.keys: list[Any] = [key.as_dict(private=False) for key in (RSA, EC, ED)]
        self.document: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }
        self.published = Published(ISSUER, clock, self.fetch)
        self.tokens = Tokens(
            ISSUER, CLIENT, ("RS256", "PS256", "ES256", "Ed25519"), self.published.key, clock
        )

    def fetch(self, url: str) -> dict[str, Any]:
        self.asked.append(url)
        if self.away:
            raise ProviderUnavailable("away")
        return {"keys": self.keys} if url.endswith("/jwks") else self.document

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good ID token; a change to None takes one out."""
        now = int(self.clock.now())
        good = {"iss": ISSUER, "aud": CLIENT, "sub": "0001", "nonce": NONCE, "iat": now}
        return _changed({**good, "exp": now + 300}, changes)

    def logout_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good logout token."""
        now = int(self.clock.now())
        good = {"iss": ISSUER, "aud": CLIENT, "sub": "0001", "sid": "s-1", "jti": "j-1"}
        return _changed(
            {**good, "iat": now, "exp": now + 120, "events": {LOGOUT_EVENT: {}}}, changes
        )


def signed(claims: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", **header: Any) -> str:
    """A token with these claims; `header` changes its header, None takes a field out."""
    fields = _changed({"alg": algorithm, "kid": key.kid}, header)
    return jwt.encode(fields, claims, key, algorithms=[algorithm])


def crafted(header: dict[str, Any], claims: object, signature: bytes = b"") -> str:
    """Three parts as somebody writes them who has no key."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _changed(good: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**good, **changes}.items() if value is not None}
