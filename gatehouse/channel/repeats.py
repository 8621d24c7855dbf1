"""A message sent twice is answered twice and handled once.

A browser that lost the answer sends the same message id again. The answers of the last few messages
of a session are kept in memory for that, for minutes, and go with the session.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gatehouse.channel.failures import ApiError
from gatehouse.channel.replies import Reply
from gatehouse.clock import Clock

MOST_SESSIONS = 2000
MOST_PER_SESSION = 16
KEPT = 600.0  # seconds


@dataclass(slots=True)
class _Once:
    digest: bytes
    started_at: float
    task: asyncio.Task[Reply]


@dataclass(slots=True)
class _Kept:
    answers: OrderedDict[str, _Once] = field(default_factory=OrderedDict)


class Repeats:
    """Runs each message of a session once. Used from one event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, _Kept] = OrderedDict()

    def known(self, session_id: str, message_id: str) -> bool:
        """Whether this message is being handled or was answered."""
        kept = self._sessions.get(session_id)
        return kept is not None and message_id in kept.answers

    async def once(
        self,
        session_id: str,
        message_id: str,
        content: str,
        turn: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        """The reply of `turn`, which runs to its end even if nobody waits for it any more.

        A second call with the same id waits for the same reply. A failed turn is forgotten, so that
        the message can be sent again. Raises `ApiError` 409 when the id was used for other content.
        """
        kept = self._sessions.setdefault(session_id, _Kept())
        self._sessions.move_to_end(session_id)
        self._forget_old(kept)
        digest = hashlib.sha256(content.encode()).digest()
        found = kept.answers.get(message_id)
        if found is None:
            task = asyncio.ensure_future(_as_coroutine(turn))
            found = kept.answers[message_id] = _Once(digest, self._clock.now(), task)
        elif found.digest != digest:
            raise ApiError(409, "id_used", "This message id was used for another message.")
        try:
            return await asyncio.shield(found.task)
        except BaseException:
            if found.task.done() and kept.answers.get(message_id) is found:
                del kept.answers[message_id]
            raise

    def forget(self, session_id: str) -> None:
        """Drop the answers of a session whose conversation or sign-in has ended."""
        self._sessions.pop(session_id, None)

    def _forget_old(self, kept: _Kept) -> None:
        limit = self._clock.now() - KEPT
        old = [key for key, once in kept.answers.items() if once.started_at < limit]
        for key in old:
            del kept.answers[key]
        while len(kept.answers) >= MOST_PER_SESSION:
            kept.answers.popitem(last=False)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)


async def _as_coroutine(turn: Callable[[], Awaitable[Reply]]) -> Reply:
    return await turn()
