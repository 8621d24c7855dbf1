"""Assertions that must prove nothing, each for its own reason; for every way to present one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from gatehouse.clock import SettableClock
from gatehouse.identity import Issuer, SigningKeys
from tests.signing import FixedKeys

CONVERSATION = "c0ffee00c0ffee00c0ffee00c0ffee00"
WORDS = "How many days of leave do I have left?"
INTENT = "view_leave_balance"


def _decoded(part: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def _encoded(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


class Forger:
    """Somebody who has seen the genuine assertion of `person` for `WORDS`, and wants more."""

    def __init__(self, keys: SigningKeys, now: float, person: Mapping[str, Any]) -> None:
        self._keys = keys
        self._now = now
        self._person = dict(person)

    def issue(self, *, keys: SigningKeys | None = None, late: float = 0.0, **change: Any) -> str:
        claims: dict[str, Any] = {
            "session_id": "5e55107" * 4,
            "session_started_at": self._now - 100,
            "conversation_id": CONVERSATION,
            "message_id": "message-0001",
            "text": WORDS,
            "channel": "web",
            "network_zone": "local",
            **self._person,
            **change,
        }
        return Issuer(keys or self._keys, SettableClock(self._now + late)).issue(**claims)

    def unsigned(self) -> str:
        return self.issue().rsplit(".", 1)[0] + "."

    def algorithm_none(self) -> str:
        header, claims, _ = self.issue().split(".")
        return f"{_encoded({**_decoded(header), 'alg': 'none'})}.{claims}."

    def edited_role(self) -> str:
        header, claims, signature = self.issue().split(".")
        more = {**_decoded(claims), "roles": ["employee", "hr_admin"]}
        return f"{header}.{_encoded(more)}.{signature}"


FORGERIES: tuple[tuple[str, str, Callable[[Forger], object]], ...] = (
    ("missing", "missing", lambda forger: None),
    ("no signature", "signature", lambda forger: forger.unsigned()),
    ("alg none", "algorithm", lambda forger: forger.algorithm_none()),
    ("other key", "unknown_key", lambda forger: forger.issue(keys=FixedKeys(bytes(32)))),
    ("other conversation", "conversation", lambda f: f.issue(conversation_id="d" * 32)),
    ("stale", "expired", lambda forger: forger.issue(late=-61)),
    ("future", "future", lambda forger: forger.issue(late=30)),
    ("other message", "content", lambda forger: forger.issue(text="What time is it?")),
    ("edited role", "signature", lambda forger: forger.edited_role()),
    ("not text", "not_text", lambda forger: {"sub": "p-1", "roles": ["hr_admin"]}),
    ("garbage", "malformed", lambda forger: "x.y.z"),
)
NAMES = [name for name, _, _ in FORGERIES]
