"""What one access token is good for: which front end, which key, which scopes, until when.

Kept with its session and sealed into it, so that a row that was widened no longer opens. A scope that
is not in `SCOPES` is never granted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from gatehouse.errors import InvalidInput

SCOPES = {
    "chat": "say something, answer buttons and codes, be told of events",
    "history": "read the conversation again",
    "export": "see and download what is stored about the person",
}
"""Each scope and what it lets a front end do."""

LEAST = ("chat",)


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one token. `key` is the thumbprint of the key that has to be proven with every request;
    `until` and `longest` are epoch seconds: the end of the token, and of every renewal."""

    front_end: str
    key: str
    scopes: frozenset[str]
    until: float
    longest: float

    def encoded(self) -> str:
        """As it stands in the table."""
        return json.dumps(
            [self.front_end, self.key, sorted(self.scopes), self.until, self.longest],
            separators=(",", ":"),
        )

    @classmethod
    def read(cls, text: str) -> Terms | None:
        """What `encoded` wrote; None for the session of a browser."""
        if not text:
            return None
        front_end, key, scopes, until, longest = json.loads(text)
        return cls(front_end, key, frozenset(scopes), until, longest)


def checked_scopes(names: Iterable[str], allowed: Iterable[str] = SCOPES) -> frozenset[str]:
    """`names` as scopes; raises `InvalidInput` unless there is one and each is `allowed`."""
    scopes = frozenset(names)
    unknown = sorted(scopes - frozenset(allowed))
    if unknown or not scopes:
        raise InvalidInput(
            f"the scope {unknown[0]!r} cannot be given"
            if unknown
            else "at least one scope is needed",
            f"one or more of {', '.join(sorted(allowed))}",
        )
    return scopes
