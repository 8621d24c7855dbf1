"""The door before sign-in: a sign-in is taken only from a browser that opened our own page.

Without it, whoever gets a browser to send a sign-in signs somebody in as somebody else, who then
writes what they mean for themselves (login CSRF; ASVS 5.0 V3.5.1). Origin and content type stop the
ways that are known; this holds where those are missing or wrong. The browser holds a cookie, the page a
token that goes with it; neither says who somebody is. Nothing is stored: both carry their own MAC.
A sign-in uses the cookie up, so that what was planted before it is of no use after.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from gatehouse.clock import Clock

LIFETIME = 86_400  # seconds that a sign-in form may stay open
_SKEW = 60  # seconds that the clocks of two serving processes may differ
_COOKIE = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


class Door:
    """Makes and checks the cookies and tokens of one deployment; `key` is 32 bytes."""

    def __init__(self, clock: Clock, key: bytes) -> None:
        self._clock = clock
        self._key = key

    def cookie(self, shown: str | None) -> str:
        """The cookie `shown` if it is good, else a new one."""
        if shown is not None and self._good(shown):
            return shown
        issued = f"{int(self._clock.now()):x}"
        nonce = secrets.token_hex(16)
        return f"{issued}.{nonce}.{self._mac('cookie', issued, nonce)}"

    def token(self, cookie: str) -> str:
        """What a page must show together with `cookie`."""
        return self._mac("token", cookie)

    def opens(self, cookie: str | None, token: str) -> bool:
        """Whether `token` goes with `cookie`, and `cookie` is one of ours and not too old."""
        expected = self.token(cookie or "").encode()
        given = token.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(expected, given) and cookie is not None and self._good(cookie)

    def _good(self, cookie: str) -> bool:
        match = _COOKIE.fullmatch(cookie)
        if match is None:
            return False
        issued, nonce, mac = match.groups()
        age = self._clock.now() - int(issued, 16)
        genuine = hmac.compare_digest(self._mac("cookie", issued, nonce), mac)
        return genuine and -_SKEW <= age < LIFETIME

    def _mac(self, *fields: str) -> str:
        material = "\n".join(("gatehouse door v1", *fields)).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, material, hashlib.sha256).hexdigest()
