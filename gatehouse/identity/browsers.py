"""Which browser a session was opened in: a name for its owner, and a tag to compare.

Both come from the `User-Agent` header. It is no secret, so a session that is used by another browser
is certainly stolen, but one that is used by the same need not be safe: this finds careless theft and
prevents nothing. The header itself is never stored.
"""

from __future__ import annotations

import hashlib
import hmac

_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """What a person would call it, such as "Firefox on Windows"; "" when nothing is recognised.

    Made of our own words only, whatever the header holds.
    """
    program = next((name for sign, name in _PROGRAMS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system


def browser_tag(key: bytes, user_agent: str) -> str:
    """A keyed hash of the header: 64 hexadecimal digits; "" when there is none."""
    if not user_agent:
        return ""
    material = b"gatehouse browser v1\n" + user_agent.encode("utf-8", "surrogatepass")
    return hmac.new(key, material, hashlib.sha256).hexdigest()
