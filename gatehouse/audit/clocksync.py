"""Whether the machine's clock is held to a reference, as the kernel knows it.

A timestamp is worth what its clock is worth, so every entry says it. The kernel keeps the state that
chrony, ntpd, systemd-timesyncd or a hypervisor's daemon report to it (adjtimex(2), STA_UNSYNC).
What cannot be learnt is recorded as unknown, never as good.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Final

SYNCHRONISED: Final = "synchronised"
UNSYNCHRONISED: Final = "unsynchronised"
UNKNOWN: Final = "unknown"

_TIME_ERROR: Final = 5
_STA_UNSYNC: Final = 0x40
_AGE: Final = 30.0  # seconds for which an answer is used again


class _Timex(ctypes.Structure):
    """struct timex as far as it is read, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class ClockSync:
    """The state of the kernel's clock, asked for at most twice a minute."""

    def __init__(self) -> None:
        self._asked_at = float("-inf")
        self._state = UNKNOWN

    def state(self) -> str:
        """`synchronised`, `unsynchronised` or `unknown`."""
        now = time.monotonic()
        if now - self._asked_at >= _AGE:
            self._state, self._asked_at = read_state(), now
        return self._state


def read_state() -> str:
    """The state as the kernel tells it now."""
    if not sys.platform.startswith("linux"):
        return UNKNOWN
    try:
        buffer = _Timex()  # modes 0: only read
        result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(buffer))
    except (OSError, AttributeError):
        return UNKNOWN
    if result < 0:
        return UNKNOWN
    bad = result == _TIME_ERROR or buffer.status & _STA_UNSYNC
    return UNSYNCHRONISED if bad else SYNCHRONISED
