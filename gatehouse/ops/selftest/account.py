"""The low-privilege account that the owner lends to the self-test, and its authenticator.

Its secrets are in memory only, are sent to the target alone and never get into a report. A code is
good once, so each is taken from a time step of its own, which may take waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyotp

from gatehouse.errors import InvalidInput
from gatehouse.ops.selftest.attack import cannot

STEP = 30  # seconds


@dataclass(slots=True)
class LentAccount:
    """`secret` is the base32 seed of its authenticator, or its `otpauth://` address; empty for none."""

    username: str
    password: str = field(repr=False)
    secret: str = field(default="", repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    _last: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        try:
            if self.secret.startswith("otpauth://"):
                self.secret = str(pyotp.parse_uri(self.secret).secret)
            pyotp.TOTP(self.secret or "A" * 32).now()
        except Exception as error:  # binascii's, and what later versions raise
            raise InvalidInput(
                "the secret of the authenticator is neither base32 nor an otpauth:// address"
            ) from error

    def code(self) -> str:
        """A code that was not used before; waits for the next one if there is none."""
        if not self.secret:
            cannot("needs the codes of the test account (--totp-file)")
        while (step := int(time.time()) // STEP) <= self._last:
            self.sleep(STEP - time.time() % STEP + 0.2)
        self._last = step
        return pyotp.TOTP(self.secret).generate_otp(step)

    def wrong_code(self) -> str:
        """A code that no step near now has, nor one like it."""
        if not self.secret:
            cannot("needs the codes of the test account (--totp-file)")
        now = int(time.time()) // STEP
        near = {pyotp.TOTP(self.secret).generate_otp(now + step) for step in range(-8, 9)}
        for number in range(100_000, 1_000_000, 7_919):
            guess = f"{number:06d}"
            if all(sum(a != b for a, b in zip(guess, code, strict=True)) > 2 for code in near):
                return guess
        return "000000"
