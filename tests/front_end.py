"""A front end for tests: its key, and what it signs, right or wrong."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

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
        now = self.now()  # once: an assertion of a microsecond more than a minute is refused
        return {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
            "domain": self.domain,
        }

    def first_claims(self, username: str, domain: str, audience: str) -> dict[str, Any]:
        """What is said before there is an id: this key is held, for that person."""
        said = {"iss": PublicKey.of(self.jwk).uri, "sub": username, "domain": domain}
        return {**self.claims(audience), **said}

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


def certificate_request(private: Any, domain: str) -> bytes:
    """As `openssl req -new -key … -subj /CN=domain` makes it."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    digest = None if isinstance(private, Ed25519PrivateKey) else hashes.SHA256()
    asked = x509.CertificateSigningRequestBuilder().subject_name(named).sign(private, digest)
    return asked.public_bytes(Encoding.PEM)


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


class Caller:
    """A front end at work over HTTP: what a person's own program would do."""

    def __init__(self, http: httpx.Client, origin: str, signer: SigningFrontEnd) -> None:
        self.http, self.origin, self.signer = http, origin, signer
        self.access_token = ""

    def sign_in(self, code: str, **more: Any) -> httpx.Response:
        """Ask for a token; it is kept."""
        assertion = self.signer.assertion(f"{self.origin}/api/v1/token")
        body = {"client_assertion": assertion, "code": code, **more}
        answer = self.http.post("/api/v1/token", json=body)
        if answer.status_code == 200:
            self.access_token = answer.json()["access_token"]
        return answer

    def proven(self, method: str, path: str, **headers: str) -> dict[str, str]:
        """The headers of a request."""
        address = f"{self.origin}{path}"
        return {
            "Authorization": f"DPoP {self.access_token}",
            "DPoP": self.signer.proof(method, address, self.access_token),
            **headers,
        }

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request with a fresh proof."""
        headers = self.proven(method, path, **more.pop("headers", {}))
        return self.http.request(method, path, headers=headers, **more)

    def say(self, text: str, message_id: str = "") -> httpx.Response:
        chosen = message_id or secrets.token_hex(8)
        return self.send("POST", "/api/v1/messages", json={"id": chosen, "text": text})
