"""What level of assurance each kind of factor gives, and whether that is enough.

The levels are those of the policies: `aal1` < `aal2` < `aal2-phishing-resistant` (NIST SP 800-63B-4). A
mailbox is never a second factor (section 3.1.3.1), so no setting can lift e-mail above `aal1`. A kind or
a level that is not known is worth nothing and asks for everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gatehouse.policy.model import LEVEL_NUMBER

USUAL: Final = "aal2"
STRONGEST: Final = "aal2-phishing-resistant"

OF_KIND: Final[Mapping[str, str]] = MappingProxyType(
    {
        "totp": "aal2",
        "recovery": "aal2",
        "ticket": "aal2",
        "webauthn": STRONGEST,
        "sms": "aal1",
        "email": "aal1",
    }
)


def levels_of(sms: str = "aal1") -> Mapping[str, str]:
    """The level of each kind when the operator takes `sms` for codes by text message."""
    return MappingProxyType({**OF_KIND, "sms": sms})


def reaches(level: str, needed: str) -> bool:
    """Whether `level` is at least `needed`."""
    return LEVEL_NUMBER.get(level, 0) >= LEVEL_NUMBER.get(needed, max(LEVEL_NUMBER.values()) + 1)


def stronger(one: str, other: str) -> str:
    """The one of two levels that satisfies both."""
    return one if reaches(one, other) else other
