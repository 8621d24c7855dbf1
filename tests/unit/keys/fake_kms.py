"""AWS KMS as far as the adapter uses it, over HTTP, written from its API reference.

It checks what the SDK sends (protocol, signature header, parameters) and behaves as KMS documents:
keys end late, aliases are listed in pages, an ended or disabled key is an invalid state, and the
encryption context is authenticated. It is not KMS; `docs/keys.md` says what was run against what.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from gatehouse.keys import EnvelopeError, seal, unseal


class Refused(Exception):
    """An error answer of KMS."""


class FakeKms:
    """The state of one account and region. `fail` may raise `Refused` or delay; it is asked first."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.aliases: dict[str, str] = {}
        self.calls: list[str] = []
        self.fail: Callable[[str], None] = lambda _verb: None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        state = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, answer = 200, state.answer(dict(self.headers), body)
                except Refused as refusal:
                    status, answer = 400, {"__type": str(refusal), "message": "no"}
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_given: object) -> None:
                pass

        return Handler

    def answer(self, headers: dict[str, str], body: bytes) -> dict[str, Any] | None:
        assert headers["Content-Type"] == "application/x-amz-json-1.1"
        assert "/kms/aws4_request" in headers["Authorization"]
        assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
        service, verb = headers["X-Amz-Target"].split(".")
        assert service == "TrentService"
        self.calls.append(verb)
        self.fail(verb)
        result: dict[str, Any] | None = getattr(self, verb)(**json.loads(body))
        return result

    def CreateKey(self, **given: Any) -> dict[str, Any]:
        assert given["KeySpec"] == "SYMMETRIC_DEFAULT"
        assert given["KeyUsage"] == "ENCRYPT_DECRYPT"
        assert {tag["TagKey"] for tag in given["Tags"]} == {"gatehouse", "gatehouse-root"}
        name = secrets.token_hex(16)
        self.keys[name] = {"material": secrets.token_bytes(32), "state": "Enabled"}
        return self._metadata(name)

    def CreateAlias(self, AliasName: str, TargetKeyId: str) -> None:
        assert AliasName.startswith("alias/")
        if AliasName in self.aliases:
            raise Refused("AlreadyExistsException")
        self.aliases[AliasName] = self._find(TargetKeyId)

    def DeleteAlias(self, AliasName: str) -> None:
        if self.aliases.pop(AliasName, None) is None:
            raise Refused("NotFoundException")

    def ListAliases(self, Marker: str = "0", **_given: Any) -> dict[str, Any]:
        names = sorted(self.aliases)
        start, end = int(Marker), int(Marker) + 2
        page = [{"AliasName": name, "TargetKeyId": self.aliases[name]} for name in names[start:end]]
        return {
            "Aliases": [{"AliasName": "alias/aws/s3"}, *page],
            "Truncated": end < len(names),
            **({"NextMarker": str(end)} if end < len(names) else {}),
        }

    def DescribeKey(self, KeyId: str) -> dict[str, Any]:
        return self._metadata(self._find(KeyId))

    def Encrypt(
        self, KeyId: str, Plaintext: str, EncryptionContext: dict[str, str]
    ) -> dict[str, Any]:
        name = self._usable(KeyId)
        plaintext = base64.b64decode(Plaintext)
        sealed = seal(self.keys[name]["material"], plaintext, _bytes(EncryptionContext))
        return {"CiphertextBlob": base64.b64encode(name.encode() + sealed).decode(), "KeyId": name}

    def Decrypt(
        self, KeyId: str, CiphertextBlob: str, EncryptionContext: dict[str, str]
    ) -> dict[str, Any]:
        name, blob = self._usable(KeyId), base64.b64decode(CiphertextBlob)
        if blob[:32] in (key.encode() for key in self.keys) and blob[:32] != name.encode():
            raise Refused("IncorrectKeyException")
        try:
            plaintext = unseal(self.keys[name]["material"], blob[32:], _bytes(EncryptionContext))
        except EnvelopeError:
            raise Refused("InvalidCiphertextException") from None
        return {"Plaintext": base64.b64encode(plaintext).decode(), "KeyId": name}

    def ScheduleKeyDeletion(self, KeyId: str, PendingWindowInDays: int) -> dict[str, Any]:
        assert not KeyId.startswith("alias/")
        assert 7 <= PendingWindowInDays <= 30
        name = self._find(KeyId)
        if self.keys[name]["state"] == "PendingDeletion":
            raise Refused("KMSInvalidStateException")
        self.keys[name]["state"] = "PendingDeletion"
        return {"KeyId": name, "KeyState": "PendingDeletion"}

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"KeyMetadata": {"KeyId": name, "KeyState": self.keys[name]["state"]}}

    def _find(self, key: str) -> str:
        name = self.aliases.get(key, key)
        if name not in self.keys:
            raise Refused("NotFoundException")
        return name

    def _usable(self, key: str) -> str:
        name = self._find(key)
        if self.keys[name]["state"] == "PendingDeletion":
            raise Refused("KMSInvalidStateException")
        if self.keys[name]["state"] == "Disabled":
            raise Refused("DisabledException")
        return name


def _bytes(context: dict[str, str]) -> bytes:
    assert set(context) == {"gatehouse"}
    return json.dumps(context, sort_keys=True).encode()
