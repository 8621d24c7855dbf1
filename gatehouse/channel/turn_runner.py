"""Runs a turn: alone in its conversation, for the person as they are then, to its end or not at all.

A turn that fails in any way is refused as a whole: nothing is acknowledged and the failure is recorded.
What a turn asked for (the end of a conversation, a challenge) is carried out when the turn itself is
stored. Nothing here may log or return the text of an exception.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatehouse import metrics
from gatehouse.channel import proofs, replies
from gatehouse.channel.failures import ApiError
from gatehouse.channel.replies import Reply
from gatehouse.channel.services import Services
from gatehouse.channel.speaker import Speaker
from gatehouse.errors import GatehouseError
from gatehouse.identity import SessionEnded
from gatehouse.logs import get_logger, place_of

if TYPE_CHECKING:
    from gatehouse.tracker import Ended

log = get_logger(__name__)

TURN_TIMEOUT = 30.0  # seconds

UNANSWERED = "I cannot answer right now. Please try again in a moment."
RECEIPT = "Done. This receipt says what was erased and when; it is signed, and holds no name."


class TurnRunner:
    """Runs the turns of one process; `forget` is told of each conversation that ended. Used from one
    event loop only."""

    def __init__(self, services: Services, forget: Callable[[str], None]) -> None:
        self._services = services
        self._forget = forget
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def run(self, speaker: Speaker, work: Callable[[Speaker], Awaitable[Reply]]) -> Reply:
        """Run `work` alone in its conversation, for the person as the directory knows them then.

        A message may have waited for others; a role, an account or a session that ended meanwhile
        must not speak any more, and a conversation that was ended meanwhile has a new one.
        """
        while True:
            conversation = speaker.session.conversation_id
            async with self._alone(conversation):
                async with self.guarded(speaker), asyncio.timeout(TURN_TIMEOUT):
                    speaker = await asyncio.to_thread(self._begun, speaker, conversation)
                if speaker.session.conversation_id == conversation:
                    with metrics.TURN_SECONDS.measure():
                        return await self._turn(speaker, work)

    def _begun(self, speaker: Speaker, conversation: str) -> Speaker:
        """`speaker` read again, and their conversation begun unless it is not this one any more."""
        speaker = self._anew(speaker)
        if speaker.session.conversation_id == conversation:
            self._services.conversations.started(conversation, speaker.person.id)
        return speaker

    def _anew(self, speaker: Speaker) -> Speaker:
        """`speaker` read again; raises `ApiError` 401 when session or account ended. Blocks."""
        try:
            session = self._services.sessions.get(speaker.session.id)
        except SessionEnded as ended:
            raise ApiError(401, "signed_out", ended.message, reason=ended.reason) from ended
        person = self._services.directory.get(session.person_id)
        if person is None or person.disabled:
            raise ApiError(401, "signed_out", "This account is closed.", reason="signed_out")
        return replace(speaker, session=session, person=person)

    async def _turn(self, speaker: Speaker, work: Callable[[Speaker], Awaitable[Reply]]) -> Reply:
        """Run `work`, then carry out what it asked for."""
        try:
            async with self.guarded(speaker), asyncio.timeout(TURN_TIMEOUT):
                reply = await work(speaker)
        finally:
            ended, challenge = await self._carry_out(speaker)
        if ended:
            reply.end()
            self._hand_out(speaker, ended, reply)
        else:
            reply.challenge = challenge
        return reply

    async def _carry_out(self, speaker: Speaker) -> tuple[list[Ended], dict[str, Any] | None]:
        """Carry out what the turn asked for: what ended, or the challenge that waits for a code."""
        async with self.guarded(speaker):
            ended, challenge = await asyncio.to_thread(self._finished, speaker)
        if ended:
            self._forget(speaker.session.conversation_id)
        return ended, challenge

    def _finished(self, speaker: Speaker) -> tuple[list[Ended], dict[str, Any] | None]:
        ended = self._end_if_asked(speaker)
        return ended, None if ended else self.waiting(speaker.session.conversation_id)

    def _end_if_asked(self, speaker: Speaker) -> list[Ended]:
        services, conversation = self._services, speaker.session.conversation_id
        ended = services.conversations.carry_out(conversation)
        if not ended:
            return []
        # The person's browser must not go on in a destroyed conversation.
        renewed = services.sessions.renew_conversation(speaker.session.id)
        services.conversations.started(renewed.conversation_id, speaker.person.id)
        return ended

    def _hand_out(self, speaker: Speaker, ended: list[Ended], reply: Reply) -> None:
        """Offer the receipt of an erasure; its link works once, in this session."""
        mine = (one.receipt for one in ended if one.person_id == speaker.person.id)
        receipt = next((found for found in mine if found), None)
        if receipt is None:
            return
        content = json.dumps(receipt, indent=2).encode()
        person, session = speaker.person.id, speaker.session.id
        ticket = self._services.exports.create(person, session, "receipt", content)
        reply.messages.append(
            {
                "text": RECEIPT,
                "download": {"href": replies.EXPORT_PATH + ticket, "title": "Download the receipt"},
            }
        )

    @asynccontextmanager
    async def guarded(self, speaker: Speaker) -> AsyncIterator[None]:
        """Turn every failure into one refusal that is recorded (HTTP 503)."""
        try:
            yield
        except (ApiError, asyncio.CancelledError):
            raise
        except Exception as error:
            metrics.FAILURES.add(part="turn")
            log.error("a turn was refused", error=place_of(error))
            await asyncio.to_thread(self._record, speaker, type(error).__name__)
            raise ApiError(503, "unavailable", UNANSWERED) from error

    def _record(self, speaker: Speaker, reason: str) -> None:
        try:
            self._services.audit.append(
                "turn_refused",
                person=speaker.person.id,
                conversation=speaker.session.conversation_id,
                reason=reason,
            )
        except GatehouseError as error:
            log.error("a refused turn could not be recorded", error=place_of(error))

    @asynccontextmanager
    async def _alone(self, conversation_id: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(conversation_id, (asyncio.Lock(), 0))
        self._locks[conversation_id] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(conversation_id)
            if waiting > 1:
                self._locks[conversation_id] = (lock, waiting - 1)

    def waiting(self, conversation_id: str) -> dict[str, Any] | None:
        """The challenge that waits for a code, as the browser may see it. Blocks."""
        found = self._services.step_up.pending(conversation_id)
        if found is None:
            return None
        return proofs.shown(self._services.step_up, found, self._services.clock.now())
