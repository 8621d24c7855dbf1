"""One turn: from a signed-in person's words to the assistant's answer.

Here a message gets its verified speaker: the signed assertion, the conversation id and the channel
name are made by the server, never read from a request. One-time codes are taken out before Rasa. A
turn that fails in any way is refused as a whole: nothing is acknowledged and the failure is
recorded. Nothing here may log or return the text of an exception.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gatehouse import metrics, request_id
from gatehouse.channel import history, proofs, rasa_side, replies
from gatehouse.channel.buttons import Buttons, ButtonSpent, command_of, intent_command
from gatehouse.channel.failures import ApiError
from gatehouse.channel.replies import Reply
from gatehouse.channel.services import Services
from gatehouse.channel.text import FoundCode, find_code, is_consent, is_refusal, masked
from gatehouse.errors import GatehouseError
from gatehouse.identity import SessionEnded
from gatehouse.identity.assertions import METADATA_KEY
from gatehouse.identity.devices import UNKNOWN, Device
from gatehouse.logs import get_logger, place_of
from gatehouse.stepup import ChallengeRefused, looks_like_code
from gatehouse.tracker.transcript import DISPLAY, RESUMED

if TYPE_CHECKING:
    from rasa.core.agent import Agent

    from gatehouse.identity import Person, Session
    from gatehouse.stepup import Grant
    from gatehouse.tracker import Ended

log = get_logger(__name__)

TURN_TIMEOUT = 30.0  # seconds
MOST_GRANTS = 1000
RESUME = "/resume_request"
API = "api"  # the channel of front ends that are no browser, for policies

NOTHING_WAITS = "Nothing is waiting for a code, so I have not used that number."
SEVERAL_CODES = "I see several numbers that could be the code. Please send only the code."
CANCELLED = "All right, that request is cancelled. Nothing was done."
ENTER_CODE = "Please enter the code from your authenticator app on the card above, or cancel."
NOT_CANCELLED = "There was nothing left to cancel."
UNANSWERED = "I cannot answer right now. Please try again in a moment."
RECEIPT = "Done. This receipt says what was erased and when; it is signed, and holds no name."
SPENT = "That choice is no longer available. Please write what you would like to do."


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who sends a request, as the session and the directory say at this moment."""

    session: Session
    person: Person
    network_zone: str
    device: Device = UNKNOWN


class Turns:
    """Runs turns, one at a time per conversation. Used from one event loop only."""

    def __init__(self, services: Services, agent: Callable[[], Agent]) -> None:
        self._services = services
        self._agent = agent
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        # Codes that were accepted in a turn that then failed: the retry needs no second code.
        self._granted: OrderedDict[tuple[str, str], Grant] = OrderedDict()
        self.buttons = Buttons()

    async def say(self, speaker: Speaker, message_id: str, text: str) -> Reply:
        """Answer `text`, which is normalised already."""
        return await self._run(speaker, lambda who: self._say(who, message_id, text))

    async def press(self, speaker: Speaker, message_id: str, button_id: str) -> Reply:
        """Answer the choice of a button."""
        return await self._run(speaker, lambda who: self._press(who, message_id, button_id))

    async def ask(self, speaker: Speaker, message_id: str, intent: str, words: str) -> Reply:
        """Answer the request `intent`, which stands in the conversation as `words`."""
        told = {DISPLAY: words}
        return await self._run(
            speaker, lambda who: self._ask_rasa(who, message_id, intent_command(intent, {}), told)
        )

    async def answer(
        self, speaker: Speaker, message_id: str, challenge_id: str, code: proofs.Answer
    ) -> Reply:
        """Answer a code, or what a passkey signed, that was given for a challenge."""
        return await self._run(
            speaker, lambda who: self._answer(who, message_id, challenge_id, code)
        )

    async def cancel(self, speaker: Speaker, challenge_id: str) -> Reply:
        """Cancel a challenge; Rasa does not hear of it."""
        return await self._run(speaker, lambda who: self._cancel(who, challenge_id))

    async def clear(self, speaker: Speaker) -> Reply:
        """Destroy the conversation and begin a new one."""
        return await self._run(speaker, self._clear)

    async def past(
        self, speaker: Speaker, most: int | None = history.MOST_MESSAGES
    ) -> list[dict[str, Any]]:
        """The last `most` messages of the conversation so far, or all of them."""
        conversation = speaker.session.conversation_id
        async with self._guarded(speaker):
            events = await rasa_side.events_of(self._agent(), conversation)
        return history.messages_of(events, conversation, self.buttons, most)

    async def export(self, speaker: Speaker) -> dict[str, Any]:
        """Everything that is stored about the speaker."""
        async with self._guarded(speaker):
            return await asyncio.to_thread(self._services.rights.export, speaker.person)

    async def pending(self, conversation_id: str) -> dict[str, Any] | None:
        """The challenge that waits for a code, as the browser may see it."""
        return await asyncio.to_thread(self._waiting, conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Drop what is kept in memory about a conversation."""
        self.buttons.forget(conversation_id)

    def _waiting(self, conversation_id: str) -> dict[str, Any] | None:
        found = self._services.step_up.pending(conversation_id)
        if found is None:
            return None
        return proofs.shown(self._services.step_up, found, self._services.clock.now())

    async def _say(self, speaker: Speaker, message_id: str, text: str) -> Reply:
        conversation = speaker.session.conversation_id
        if grant := self._granted.get((speaker.session.id, message_id)):
            return await self._resume(speaker, message_id, grant)
        waiting = await asyncio.to_thread(self._services.step_up.pending, conversation)
        found = find_code(text, waiting=waiting is not None)
        if waiting is not None:
            # Rasa would agree to stop while the request went on waiting for its code.
            if is_refusal(text):
                return await self._cancel(speaker, waiting.id)
            if is_consent(text):
                return Reply.say(ENTER_CODE)
            if found.code or found.many or looks_like_code(text):
                return await self._typed_code(speaker, message_id, text, found)
        if found.bare:
            # A code that comes too late or twice is told so by its own request.
            return await self._typed_code(speaker, message_id, text, found)
        return await self._ask_rasa(speaker, message_id, masked(text), {})

    async def _typed_code(
        self, speaker: Speaker, message_id: str, text: str, found: FoundCode
    ) -> Reply:
        if found.many:
            return Reply.say(SEVERAL_CODES, accepted=False)
        conversation = speaker.session.conversation_id
        latest = await asyncio.to_thread(self._services.step_up.latest_id, conversation)
        if latest is None:
            return Reply.say(NOTHING_WAITS, accepted=False)
        return await self._answer(speaker, message_id, latest, found.code or text)

    async def _press(self, speaker: Speaker, message_id: str, button_id: str) -> Reply:
        conversation = speaker.session.conversation_id
        try:
            button = self.buttons.take(conversation, button_id, message_id)
        except ButtonSpent:
            return Reply.say(SPENT)
        text = command_of(button.payload) or button.payload.lstrip("/ \t")
        return await self._ask_rasa(speaker, message_id, text, {DISPLAY: button.title})

    async def _answer(
        self, speaker: Speaker, message_id: str, challenge_id: str, code: proofs.Answer
    ) -> Reply:
        session = speaker.session
        grant = self._granted.get((session.id, message_id))
        if grant is None:
            try:
                grant = await asyncio.to_thread(
                    self._services.step_up.answer,
                    challenge_id,
                    session.id,
                    session.conversation_id,
                    code,
                    known_with=speaker.device.confirmed_with,
                )
            except ChallengeRefused as refused:
                return Reply.say(refused.message, accepted=False)
        return await self._resume(speaker, message_id, grant)

    async def _resume(self, speaker: Speaker, message_id: str, grant: Grant) -> Reply:
        key = (speaker.session.id, message_id)
        self._granted[key] = grant
        while len(self._granted) > MOST_GRANTS:
            self._granted.popitem(last=False)
        resume = grant.resume
        text = RESUME if resume.kind == "action" else _resume_command(grant)
        metadata = {DISPLAY: resume.display, RESUMED: True}
        reply = await self._ask_rasa(speaker, message_id, text, metadata, grant.id)
        self._granted.pop(key, None)
        reply.accepted = True
        find = self._services.step_up.authenticator_of
        reply.confirmed_with = await asyncio.to_thread(find, speaker.person.id)
        return reply

    async def _cancel(self, speaker: Speaker, challenge_id: str) -> Reply:
        session = speaker.session
        cancelled = await asyncio.to_thread(
            self._services.step_up.cancel, challenge_id, session.id, session.conversation_id
        )
        return Reply.say(CANCELLED if cancelled else NOT_CANCELLED)

    async def _clear(self, speaker: Speaker) -> Reply:
        conversation = speaker.session.conversation_id
        await asyncio.to_thread(self._services.conversations.request_end, conversation)
        return Reply()

    async def _ask_rasa(
        self,
        speaker: Speaker,
        message_id: str,
        text: str,
        metadata: dict[str, Any],
        grant_id: str | None = None,
    ) -> Reply:
        agent = self._agent()
        token = await asyncio.to_thread(self._assertion, speaker, message_id, text, grant_id)
        conversation = speaker.session.conversation_id
        sent = await rasa_side.handle(
            agent,
            conversation,
            message_id,
            text,
            {METADATA_KEY: token, request_id.METADATA_KEY: request_id.current(), **metadata},
        )
        reply = replies.collect(sent, conversation, self.buttons)
        if not reply.messages:
            reply.messages.append({"text": replies.NOTHING_SAID})
        return reply

    def _assertion(self, speaker: Speaker, message_id: str, text: str, grant_id: str | None) -> str:
        person, session = speaker.person, speaker.session
        return self._services.issuer.issue(
            person_id=person.id,
            roles=person.roles,
            department=person.department,
            employment_type=person.employment_type,
            employee_id=person.employee_id,
            display_name=person.display_name,
            session_id=session.id,
            session_started_at=session.started_at,
            conversation_id=session.conversation_id,
            message_id=message_id,
            text=text,
            channel=rasa_side.CHANNEL if session.terms is None else API,
            network_zone=speaker.network_zone,
            aal=session.aal,
            aal_at=session.aal_at,
            grant_id=grant_id,
        )

    async def _run(self, speaker: Speaker, work: Callable[[Speaker], Awaitable[Reply]]) -> Reply:
        """Run `work` alone in its conversation, for the person as the directory knows them then.

        A message may have waited for others; a role, an account or a session that ended meanwhile
        must not speak any more, and a conversation that was ended meanwhile has a new one.
        """
        while True:
            conversation = speaker.session.conversation_id
            async with self._alone(conversation):
                async with self._guarded(speaker), asyncio.timeout(TURN_TIMEOUT):
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
            async with self._guarded(speaker), asyncio.timeout(TURN_TIMEOUT):
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
        async with self._guarded(speaker):
            ended, challenge = await asyncio.to_thread(self._finished, speaker)
        if ended:
            self.forget(speaker.session.conversation_id)
        return ended, challenge

    def _finished(self, speaker: Speaker) -> tuple[list[Ended], dict[str, Any] | None]:
        ended = self._end_if_asked(speaker)
        return ended, None if ended else self._waiting(speaker.session.conversation_id)

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
    async def _guarded(self, speaker: Speaker) -> AsyncIterator[None]:
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


def _resume_command(grant: Grant) -> str:
    entities: dict[str, Any] = {}
    for name, value in grant.resume.entities:
        entities.setdefault(name, []).append(value)
    return intent_command(grant.resume.name, entities)


def new_message_id() -> str:
    """An id for a message that the browser gave none."""
    return secrets.token_hex(16)
