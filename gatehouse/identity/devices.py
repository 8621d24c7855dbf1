"""Browsers that a person used before, so that guessing by strangers does not slow the person down.

A device cookie (OWASP, "Slow down online guessing attacks with device cookies") is given to a browser
after a good password, and again after a good code, which it then says. It is no proof of identity and
opens nothing: it only decides which counter a wrong password or code falls into. Nothing is stored;
the cookie carries its own MAC. It must be worthless to anybody for another user name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from gatehouse.clock import Clock

LIFETIME = 180 * 86400
"""Seconds after which a browser counts as new again; a sign-in renews it."""

_TOKEN = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{32}|)\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that its user name is known in: an opaque id, and the authenticator whose good code
    was given in it ("" for none)."""

    id: str = field(repr=False)
    confirmed_with: str = field(default="", repr=False)


UNKNOWN = Device("")


class Devices:
    """Makes and reads device cookies; `key` is 32 bytes."""

    def __init__(self, clock: Clock, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the key of the device cookies must have 32 bytes")
        self._clock = clock
        self._key = key

    def issue(self, username: str, device: Device = UNKNOWN, confirmed_with: str = "") -> str:
        """A cookie for the browser `device` (a new one if unknown) of `username`, stored form.

        What was confirmed in it before stays unless `confirmed_with` names another authenticator.
        """
        issued = f"{int(self._clock.now()):x}"
        nonce = device.id or secrets.token_hex(16)
        proof = confirmed_with or device.confirmed_with
        return ".".join((issued, nonce, proof, self._mac(username, issued, nonce, proof)))

    def read(self, token: object, username: str | None) -> Device:
        """The device of `token`, if it is genuine, young enough and for `username`; else `UNKNOWN`."""
        match = _TOKEN.fullmatch(token) if isinstance(token, str) and len(token) < 200 else None
        issued, nonce, proof, mac = match.groups() if match else ("0", "", "", "")
        expected = self._mac(username or "", issued, nonce, proof)
        age = self._clock.now() - int(issued, 16)
        genuine = hmac.compare_digest(expected, mac) and username is not None
        return Device(nonce, proof) if genuine and -86400 < age < LIFETIME else UNKNOWN

    def _mac(self, *fields: str) -> str:
        material = "\n".join(("gatehouse device v1", *fields)).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, material, hashlib.sha256).hexdigest()
