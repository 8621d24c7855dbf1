"""An action that answers from the conversation alone, to a verified person who may ask.

For answers that need no record: saying something again, asking what was meant. It must reach no
back end; what does derives from `GuardedAction`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from gatehouse.dialogue.checkpoint import Checkpoint
from gatehouse.dialogue.guarded import answered, speaker_of, understanding_of
from gatehouse.dialogue.turn import Reply


class VerifiedAction(Action, ABC):
    """Verifies who asks and decides on `intent`; only then calls `answer`."""

    intent: ClassVar[str]

    @abstractmethod
    def answer(self, tracker: Tracker) -> Reply:
        """The answer, from the conversation alone. Runs in a thread."""

    @final
    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Called by rasa-sdk. Never raises."""
        return await answered(self.name(), self._serve, tracker, dispatcher)

    def _serve(self, checkpoint: Checkpoint, tracker: Tracker) -> Reply:
        person = speaker_of(tracker, checkpoint)
        checkpoint.admit_intent(person, self.intent, understanding_of(tracker))
        return self.answer(tracker)
