"""The Transit engine as far as the adapter uses it, over HTTP, written from its API reference.

It checks what the SDK sends and behaves as Transit documents: a missing key is *made* by an
encryption, deletion has to be allowed first, and associated data is authenticated. It is not
Vault; `docs/keys.md` says what was run against what.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from gatehouse.keys import EnvelopeError, seal, unseal

TOKEN = "s.token-of-the-test"


class Refused(Exception):
    """An error answer: a status and its words."""

    def __init__(self, status: int, *words: str) -> None:
        super().__init__(status)
        self.status = status
        self.words = words


class FakeVault:
    """One mount `transit`. `fail` may raise `Refused`; it is asked first."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.fail: Callable[[str], None] = lambda _what: None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        state = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    answer = state.answer(
                        self.command, self.path, dict(self.headers), json.loads(body or b"{}")
                    )
                    status = 204 if answer is None else 200
                except Refused as refusal:
                    status, answer = refusal.status, {"errors": list(refusal.words)}
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_given: object) -> None:
                pass

        return Handler

    def answer(
        self, method: str, path: str, headers: dict[str, str], given: dict[str, Any]
    ) -> dict[str, Any] | None:
        if headers.get("X-Vault-Token") != TOKEN:
            raise Refused(403, "permission denied")
        assert headers["X-Vault-Request"] == "true"
        path, _, query = path.partition("?")
        version, mount, what, *rest = path.strip("/").split("/")
        assert version == "v1"
        if mount != "transit":
            raise Refused(404, "no handler for route")
        self.fail(what)
        if (method, query) == ("GET", "list=true") and what == "keys" and not rest:
            if not self.keys:
                raise Refused(404)
            return {"data": {"keys": sorted(self.keys)}}
        if what == "keys":
            return self._keys(method, rest, given)
        assert method in ("POST", "PUT")
        (name,) = rest
        return {"data": getattr(self, f"_{what}")(name, given)}

    def _keys(self, method: str, rest: list[str], given: dict[str, Any]) -> dict[str, Any] | None:
        name = rest[0]
        if rest[1:] == ["config"]:
            self._find(name).update(given)
            return None
        if method == "GET":
            return {"data": {**self._find(name), "material": None}}
        if method == "DELETE":
            if not self._find(name)["deletion_allowed"]:
                raise Refused(400, "deletion is not allowed for this key")
            del self.keys[name]
            return None
        assert given["type"] == "aes256-gcm96"
        self.keys.setdefault(name, _new(given))
        return None

    def _encrypt(self, name: str, given: dict[str, Any]) -> dict[str, str]:
        key = self.keys.setdefault(name, _new({}))
        plaintext = base64.b64decode(given["plaintext"])
        sealed = seal(key["material"], plaintext, base64.b64decode(given["associated_data"]))
        return {"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode()}

    def _decrypt(self, name: str, given: dict[str, Any]) -> dict[str, str]:
        if name not in self.keys:
            raise Refused(400, "encryption key not found")
        try:
            prefix, number, sealed = given["ciphertext"].split(":")
            assert (prefix, number) == ("vault", "v1")
            plaintext = unseal(
                self.keys[name]["material"],
                base64.b64decode(sealed, validate=True),
                base64.b64decode(given["associated_data"]),
            )
        except (EnvelopeError, ValueError, AssertionError):
            raise Refused(400, "cipher: message authentication failed") from None
        return {"plaintext": base64.b64encode(plaintext).decode()}

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.keys:
            raise Refused(404)
        return self.keys[name]


def _new(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "exportable": given.get("exportable", False),
        "allow_plaintext_backup": given.get("allow_plaintext_backup", False),
        "deletion_allowed": False,
        "material": secrets.token_bytes(32),
    }
