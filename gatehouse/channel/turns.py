"""One turn: from a signed-in person's words to the assistant's answer.

Here a message gets its verified speaker: the signed assertion, the conversation id and the channel
name are made by the server, never read from a request. One-time codes are taken out before Rasa.
`turn_runner` runs each alone in its conversation and refuses one that fails as a whole.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gatehouse import request_id
from gatehouse.channel import history, proofs, rasa_side, replies
from gatehouse.channel.buttons import Buttons, ButtonSpent, command_of, intent_command
from gatehouse.channel.replies import Reply
from gatehouse.channel.services import Services
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.text import FoundCode, find_code, is_consent, is_refusal, masked
from gatehouse.channel.turn_loop import TurnLoop
from gatehouse.channel.turn_runner import TurnRunner
from gatehouse.identity.assertions import METADATA_KEY
from gatehouse.stepup import ChallengeRefused, looks_like_code
from gatehouse.tracker.transcript import DISPLAY, RESUMED

if TYPE_CHECKING:
    from rasa.core.agent import Agent

    from gatehouse.stepup import Grant

MOST_GRANTS = 1000
RESUME = "/resume_request"
API = "api"  # the channel of front ends that are no browser, for policies

NOTHING_WAITS = "Nothing is waiting for a code, so I have not used that number."
SEVERAL_CODES = "I see several numbers that could be the code. Please send only the code."
CANCELLED = "All right, that request is cancelled. Nothing was done."
ENTER_CODE = "Please enter the code from your authenticator app on the card above, or cancel."
NOT_CANCELLED = "There was nothing left to cancel."
SPENT = "That choice is no longer available. Please write what you would like to do."


class Turns:
    """Runs turns, one at a time per conversation. Used from one event loop only."""

    def __init__(self, services: Services, agent: Callable[[], Agent], loop: TurnLoop) -> None:
        self._services = services
        self._agent = agent
        self._loop = loop
        self._runner = TurnRunner(services, self.forget)
        # Codes that were accepted in a turn that then failed: the retry needs no second code.
        self._granted: OrderedDict[tuple[str, str], Grant] = OrderedDict()
        self.buttons = Buttons()

    async def say(self, speaker: Speaker, message_id: str, text: str) -> Reply:
        """Answer `text`, which is normalised already."""
        return await self._runner.run(speaker, lambda who: self._say(who, message_id, text))

    async def press(self, speaker: Speaker, message_id: str, button_id: str) -> Reply:
        """Answer the choice of a button."""
        return await self._runner.run(speaker, lambda who: self._press(who, message_id, button_id))

    async def ask(self, speaker: Speaker, message_id: str, intent: str, words: str) -> Reply:
        """Answer the request `intent`, which stands in the conversation as `words`."""
        told = {DISPLAY: words}
        return await self._runner.run(
            speaker, lambda who: self._ask_rasa(who, message_id, intent_command(intent, {}), told)
        )

    async def answer(
        self, speaker: Speaker, message_id: str, challenge_id: str, code: proofs.Answer
    ) -> Reply:
        """Answer a code, or what a passkey signed, that was given for a challenge."""
        return await self._runner.run(
            speaker, lambda who: self._answer(who, message_id, challenge_id, code)
        )

    async def cancel(self, speaker: Speaker, challenge_id: str) -> Reply:
        """Cancel a challenge; Rasa does not hear of it."""
        return await self._runner.run(speaker, lambda who: self._cancel(who, challenge_id))

    async def clear(self, speaker: Speaker) -> Reply:
        """Destroy the conversation and begin a new one."""
        return await self._runner.run(speaker, self._clear)

    async def past(
        self, speaker: Speaker, most: int | None = history.MOST_MESSAGES
    ) -> list[dict[str, Any]]:
        """The last `most` messages of the conversation so far, or all of them."""
        conversation = speaker.session.conversation_id
        async with self._runner.guarded(speaker):
            events = await rasa_side.events_of(self._agent(), conversation)
        return history.messages_of(events, conversation, self.buttons, most)

    async def export(self, speaker: Speaker) -> dict[str, Any]:
        """Everything that is stored about the speaker."""
        async with self._runner.guarded(speaker):
            return await asyncio.to_thread(self._services.rights.export, speaker.person)

    async def pending(self, conversation_id: str) -> dict[str, Any] | None:
        """The challenge that waits for a code, as the browser may see it."""
        return await asyncio.to_thread(self._runner.waiting, conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Drop what is kept in memory about a conversation."""
        self.buttons.forget(conversation_id)

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
        metadata = {METADATA_KEY: token, request_id.METADATA_KEY: request_id.current(), **metadata}
        sent = await self._loop.run(
            lambda: rasa_side.handle(agent, conversation, message_id, text, metadata)
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


def _resume_command(grant: Grant) -> str:
    entities: dict[str, Any] = {}
    for name, value in grant.resume.entities:
        entities.setdefault(name, []).append(value)
    return intent_command(grant.resume.name, entities)


def new_message_id() -> str:
    """An id for a message that the browser gave none."""
    return secrets.token_hex(16)
