"""Who is speaking in a conversation test.

`rasa test` sends no messages, so there is no assertion to verify, and a story cannot carry metadata.
Here the story's name says it: `as manager: …`, `as employee with a code: …`, `as nobody: …`. The
rehearsal decides with the real rules but believes that name; a serving process refuses to start once
it is installed, and nothing but the conversation test command installs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from gatehouse.dialogue import gate
from gatehouse.dialogue.gate import GateRequest, Verdict
from gatehouse.errors import InvalidInput
from gatehouse.policy import PolicySet, Principal, Request

_SPEAKER = re.compile(r"^as (?:an? )?([a-z_]+)( with a code)?: \S")
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Speaker:
    """The person of a story: a role, or nobody, and whether a code was given for each request."""

    role: str
    with_code: bool

    @property
    def roles(self) -> frozenset[str]:
        """A manager and an HR administrator are employees too."""
        extra = {"employee"} if self.role in {"manager", "hr_admin"} else set()
        return frozenset({self.role, *extra})


def speaker_of(story: str, known_roles: frozenset[str]) -> Speaker:
    """The speaker that a story's name announces; raises `InvalidInput` without one."""
    match = _SPEAKER.match(story)
    if not match or match[1] not in known_roles | {NOBODY}:
        allowed = ", ".join(sorted(known_roles | {NOBODY}))
        raise InvalidInput(
            f"the story {story!r} does not say who is speaking",
            "begin its name with `as <role>: ` or `as <role> with a code: `",
            f"<role> is one of {allowed}",
        )
    return Speaker(match[1], bool(match[2]))


class RehearsalGate:
    """Decides each turn of a story by the real rules for the speaker that its name announces."""

    def __init__(self, rules: PolicySet, roles: frozenset[str], at: datetime) -> None:
        """`at` is the aware local time that the stories play at."""
        self._rules = rules
        self._roles = roles
        self._at = at

    def admit(self, request: GateRequest) -> Verdict:
        speaker = speaker_of(request.conversation_id, self._roles)
        if speaker.role == NOBODY:
            return Verdict("deny", "utter_refused_not_signed_in")
        decision = self._rules.decide(self._question(request, speaker))
        if decision.effect == "deny":
            return Verdict("deny", decision.say)
        terms = decision.step_up
        waits = terms is not None and terms.ask == "at_confirmation" and request.has_form
        if terms is None or waits or speaker.with_code:
            return Verdict("allow")
        return Verdict("step_up")

    def _question(self, request: GateRequest, speaker: Speaker) -> Request:
        understood = request.understanding
        employment = "contractor" if speaker.role == "contractor" else "employee"
        return Request(
            principal=Principal("rehearsal", speaker.roles, "rehearsal", employment),
            intent=request.intent,
            stage="intent",
            subject=None,
            resource={},
            channel="web",
            network_zone="internal",
            at=self._at,
            session_age=60.0,
            aal=1,
            aal_age=None,
            confidence=understood.confidence,
            margin=understood.margin,
            runners_up=understood.runners_up,
            refusals=0,
            failed_codes=0,
            served=frozenset(),
            slots=understood.slots,
        )


def install(rules: PolicySet, roles: frozenset[str], at: datetime) -> None:
    """Rehearse in this process from now on."""
    gate.install_rehearsal(RehearsalGate(rules, roles, at))
