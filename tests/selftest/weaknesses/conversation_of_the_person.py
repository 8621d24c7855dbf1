"""A new session goes on with the last conversation of its person."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.identity.sessions import Sessions

FOUND_BY = "conversation-after-sign-out"


def weaken(patch: pytest.MonkeyPatch) -> None:
    opened, last = Sessions.open, dict[str, str]()

    def going_on(self: Sessions, person: Any, *rest: Any, **more: Any) -> Any:
        token, session = opened(self, person, *rest, **more)
        kept = last.setdefault(person.id, session.conversation_id)
        token, session = self._change(session.id, token, conversation_id=kept)
        return token, session

    patch.setattr(Sessions, "open", going_on)
