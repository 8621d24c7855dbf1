"""Tokens and assertions that nobody issued, in every place where a program might look for one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    name = trial.site.account.username if trial.site.account else "admin"
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": name,
        "username": name,
        "user": {"username": name, "role": "admin"},
    }
    claims |= {"iat": now, "exp": now + 600, "aal": 2, "roles": ["hr_admin"]}
    forged = {
        "without a signature": token({"alg": "none", "typ": "JWT"}, claims),
        "signed with an empty secret": token({"alg": "HS256", "typ": "JWT"}, claims, b""),
        "signed with a guessed secret": token({"alg": "HS256", "typ": "JWT"}, claims, b"secret"),
        "whose header brings its own key": token({"alg": "EdDSA", "jwk": {"kty": "OKP"}}, claims),
        "that is no token": "gatehouse",
    }
    for how, value in forged.items():
        places = {
            "Authorization": f"Bearer {value}",
            "Cookie": f"__Host-gatehouse={value}; token={value}",
            "X-Gatehouse-Assertion": value,
        }
        for header, shown in places.items():
            for site in ("same-origin", None):  # as a page, and as a program, would send it
                change: dict[str, Change] = {"Sec-Fetch-Site": site, header: shown}
                answer = stranger.ask("GET", "/api/v1/session", change=change)
                trial.refused(answer, f"a token {how} in {header}", 401, 403)
        answer = stranger.ask("GET", f"/api/v1/history?token={value}")
        trial.refused(answer, f"a token {how} in the query", 401)
    for scheme in ("Basic YWRtaW46YWRtaW4=", "Bearer", "Digest x"):
        answer = stranger.ask("GET", "/api/v1/session", change={"Authorization": scheme})
        trial.refused(answer, f"Authorization: {scheme.split()[0]}", 401, 403)


def token(header: dict[str, Any], claims: dict[str, Any], key: bytes | None = None) -> str:
    """A JWS in compact form, with a signature by HMAC if there is a `key`."""
    signed = f"{_encoded(as_json(header))}.{_encoded(as_json(claims))}"
    mac = b"" if key is None else hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(mac)}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


ATTACK = Attack(
    id="bearer-tokens",
    title="Show forged tokens and assertions: unsigned, guessed secrets, a key of their own",
    stride=("S", "E"),
    asvs=("V9.1.1", "V9.1.2", "V9.1.3"),
    severity="critical",
    expects="Refused (401 or 403), wherever the token is shown.",
    mend="Take identity from the session or from tokens verified under the deployment's own keys.",
    attempt=attempt,
)
