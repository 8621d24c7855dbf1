"""Front ends that nobody registered ask for access tokens; one is registered with the password alone."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.attacks.bearer_tokens import token
from gatehouse.ops.selftest.browser import API
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer


def attempt(trial: Trial) -> None:
    now, me = int(time.time()), secrets.token_hex(16)
    claims: dict[str, Any] = {"iss": me, "sub": me, "jti": secrets.token_hex(16)}
    claims |= {"aud": f"{trial.site.target.origin}{API}token", "iat": now, "exp": now + 60}
    private = Ed25519PrivateKey.generate()
    public = jwk(private)
    forged = {
        "without a signature": token({"alg": "none", "typ": "JWT"}, claims),
        "signed with a guessed secret": token({"alg": "HS256"}, claims, b"secret"),
        "that brings its own key": token({"alg": "EdDSA", "jwk": public, "kid": me}, claims),
    }
    for how, assertion in forged.items():
        answer = _post(trial, "token", {"client_assertion": assertion, "code": _guess()})
        trial.refused(answer, f"an access token for an assertion {how}", 400, 401, 403)
        told = isinstance(answer.json, dict) and "access_token" in answer.json
        trial.hold(not told, f"an access token is given for an assertion {how}")
    trial.refused(_post(trial, "token/renewal", {}), "the renewal of no token", 401, 403)
    if trial.site.account is not None:
        _register(trial, private)


def _register(trial: Trial, private: Ed25519PrivateKey) -> None:
    """A registration with the password and a code that nobody has; what it makes is ended again."""
    account = trial.site.account
    assert account is not None
    given = {"username": account.username, "password": account.password, "code": _guess()}
    given |= {"name": "self-test", "domain": "selftest.invalid"}
    given |= {"client_assertion": _held(trial, private, account.username, "selftest.invalid")}
    answer = _post(trial, "front-ends", {**given, "key": jwk(private)})
    if trial.hold(answer.status != 201, "a front end is registered with the password alone"):
        trial.refused(answer, "a front end without a second factor", 400, 401, 403)
        return
    made = str((answer.json or {}).get("id"))
    trial.person.ask("DELETE", f"{API}front-ends/{made}")


def _held(trial: Trial, private: Ed25519PrivateKey, username: str, domain: str) -> str:
    """What shows that the key is held, so that nothing but the second factor is missing."""
    members, now = jwk(private), int(time.time())
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()  # RFC 7638
    key_id = _b64(hashlib.sha256(canonical).digest())
    claims = {
        "iss": f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{key_id}",
        "sub": username,
        "aud": f"{trial.site.target.origin}{API}front-ends",
        "domain": domain,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(16),
    }
    header = {"alg": "EdDSA", "typ": "gatehouse-front-end+jwt", "kid": key_id}
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_b64(private.sign(signed.encode()))}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwk(private: Ed25519PrivateKey) -> dict[str, str]:
    """The public key of `private` as a JSON Web Key (RFC 8037)."""
    raw = private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}


def _post(trial: Trial, path: str, body: dict[str, Any]) -> Answer:
    # As a program sends it: a browser would be refused for being one.
    return trial.site.send(
        "POST", f"{API}{path}", [("Content-Type", "application/json")], as_json(body)
    )


def _guess() -> str:
    return f"{secrets.randbelow(10**6):06}"


ATTACK = Attack(
    id="front-end-keys",
    title="Get an access token, or register a key, without what it takes",
    stride=("S", "E"),
    asvs=("V9.1.1", "V10.4.10", "V6.3.3"),
    severity="critical",
    expects="No token without a registered key, no key without a second factor.",
    mend="Verify assertions under registered keys only; prove a registration by a second factor.",
    attempt=attempt,
    order=25,
)
