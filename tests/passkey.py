"""An authenticator in software, written from the W3C standard and not from the code under test.

Makes registrations (section 7.1) and assertions (7.2) the way a browser hands them over, and each wrong
one that a test asks for.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftAuthenticator:
    """One key on one device. `counts` false is a passkey that is synced and has no counter."""

    def __init__(self, origin: str, *, counts: bool = True, synced: bool = False) -> None:
        self.origin = origin
        self.flags = PRESENT | VERIFIED | (ELIGIBLE | BACKED_UP if synced else 0)
        self.count = 0
        self._counts = counts
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(32)
        self.handle = b""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The registration that a browser would hand over for creation `options`."""
        self.handle = unb64(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        public = cbor2.dumps(
            {
                1: 2,
                3: -7,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        attested = (
            bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        )
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._credential(
            {
                "clientDataJSON": b64(client),
                "attestationObject": b64(attestation),
                "transports": ["internal", "odd"],
            }
        )

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The assertion for request `options`; `changes` to the client data, `flags` or `rp_id`."""
        flags, rp_id = changes.pop("flags", self.flags), changes.pop("rp_id", options["rpId"])
        kind = changes.pop("type", "webauthn.get")
        client = self._client(kind, options["challenge"], **changes)
        if self._counts:
            self.count += 1
        data = self._data(rp_id, flags)
        signature = self._key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._credential(
            {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(data),
                "signature": b64(signature),
                "userHandle": b64(self.handle),
            }
        )

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client(self, kind: str, asked: str, /, **changes: Any) -> bytes:
        found = {"type": kind, "challenge": asked, "origin": self.origin, "crossOrigin": False}
        return json.dumps({**found, **changes}).encode()

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = b64(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
