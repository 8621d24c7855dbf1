"""A front end for tests: its key, and what it signs, right or wrong."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatehouse.identity.front_ends import PublicKey
from gatehouse.identity.front_ends.signed import ASSERTION_TYPE, PROOF_TYPE, token_digest


class SigningFrontEnd:
    """`id` and `domain` are set once it is registered; `now` is the clock that it signs by."""

    def __init__(self, now: Callable[[], float], algorithm: str = "EdDSA") -> None:
        self.now, self.algorithm = now, algorithm
        self.private: Any = (
            Ed25519PrivateKey.generate()
            if algorithm == "EdDSA"
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.jwk = public_jwk(self.private)
        self.key_id = PublicKey.of(self.jwk).id
        self.id = self.domain = ""

    def claims(self, audience: str) -> dict[str, Any]:
        return {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "iat": self.now(),
            "exp": self.now() + 60,
            "jti": secrets.token_urlsafe(16),
            "domain": self.domain,
        }

    def assertion(self, audience: str) -> str:
        return self.signed(self.claims(audience), ASSERTION_TYPE, kid=self.key_id)

    def proof(self, method: str, address: str, token: str) -> str:
        claims = {
            "htm": method,
            "htu": address,
            "iat": self.now(),
            "jti": secrets.token_urlsafe(16),
            "ath": token_digest(token),
        }
        return self.signed(claims, PROOF_TYPE, jwk=self.jwk)

    def signed(self, claims: dict[str, Any], kind: str, **header: Any) -> str:
        headers = {"typ": kind, **header}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=headers)


def public_jwk(private: Any) -> dict[str, str]:
    """The public part as a JSON Web Key."""
    public = private.public_key()
    if isinstance(private, Ed25519PrivateKey):
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _b64(public.public_bytes(Encoding.Raw, PublicFormat.Raw)),
        }
    point = public.public_numbers()
    x, y = (_b64(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
