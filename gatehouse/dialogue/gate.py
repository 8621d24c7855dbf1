"""The question that the dialogue policy asks, and who answers it.

A serving process answers with the `LiveGate`: signed assertion, rules, audit. Conversation tests
answer with a rehearsal (`gatehouse.dialogue.rehearsal`) that a serving process refuses to start with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gatehouse.dialogue.checkpoint import Checkpoint, Refused, StepUpNeeded
from gatehouse.dialogue.understanding import Understanding
from gatehouse.identity.assertions import METADATA_KEY


@dataclass(frozen=True, slots=True)
class GateRequest:
    """One user turn as the dialogue policy sees it."""

    conversation_id: str
    metadata: Mapping[str, Any]
    text: str
    entities: list[dict[str, Any]]
    intent: str
    understanding: Understanding
    has_form: bool
    has_action: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`allow` (with the action to resume, if any), `deny` (with the response to speak) or `step_up`."""

    effect: Literal["allow", "deny", "step_up"]
    action: str | None = None


class Gate(Protocol):
    """Decides whether a user turn may go on."""

    def admit(self, request: GateRequest) -> Verdict: ...


class LiveGate:
    """Verifies the speaker, decides and records."""

    def admit(self, request: GateRequest) -> Verdict:
        checkpoint = Checkpoint.current()
        token = request.metadata.get(METADATA_KEY)
        try:
            person = checkpoint.verify(token, request.conversation_id, request.text)
            checkpoint.admit_intent(
                person,
                request.intent,
                request.understanding,
                has_form=request.has_form,
                record=True,
            )
            if not request.has_action:
                checkpoint.note_served(person, request.intent)
        except Refused as refusal:
            return Verdict("deny", refusal.say)
        except StepUpNeeded:
            # The action that asks for the code has to resolve what it is asked for.
            checkpoint.note_admitted(token, request.intent, request.entities)
            return Verdict("step_up")
        checkpoint.note_admitted(token, request.intent, request.entities)
        if request.intent == RESUME_REQUEST:
            action = checkpoint.resumed_action(person)
            return Verdict("allow", action) if action else Verdict("deny")
        return Verdict("allow")


RESUME_REQUEST = "resume_request"
_gate: Gate = LiveGate()


def current_gate() -> Gate:
    """The gate of this process."""
    return _gate


def is_live() -> bool:
    """Whether decisions of this process are real; a channel refuses to serve otherwise."""
    return isinstance(_gate, LiveGate)


def install_rehearsal(gate: Gate) -> None:
    """Answer with `gate` from now on; only for conversation tests, and not reversible."""
    global _gate
    _gate = gate
