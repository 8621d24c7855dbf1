"""The rights of a person over what is stored about them: to have it (GDPR Art. 15, 20), to have it
erased (Art. 17).

The same for the person in the chat and for an operator who acts for them. An export never holds
another person's data or a secret such as a password hash or an authenticator's seed; an erasure
never claims more than was done. All methods block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gatehouse.clock import Clock, as_iso
from gatehouse.identity import Directory, Person, Sessions
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.stepup import Totp
from gatehouse.tracker.holds import Holds
from gatehouse.tracker.lifecycle import Conversations, Summary
from gatehouse.tracker.receipts import Receipt
from gatehouse.tracker.transcript import Words, words_of

KIND: Final = "gatehouse export"
VERSION: Final = 1
NOT_INCLUDED: Final = (
    (
        "The password and the authenticator's secret: they are stored so that they prove you and cannot "
        "be handed out."
    ),
    (
        "The log of decisions: it says when something was asked and whether it was allowed, without your "
        "words; ask your data protection officer for an extract."
    ),
    "Records of your employment, which HR keeps elsewhere.",
    (
        "What a legal hold keeps after its end: it is readable for the named holders alone. Where a law "
        "forbids to tell of a hold, it is not listed here."
    ),
)
ALTERED: Final = (
    "Legal holds whose record was altered in the database: they cannot be read any more, and the "
    "operator has to look into it."
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure by an operator did."""

    conversations: int
    receipt: Receipt


class Rights:
    """Export and erasure in one deployment."""

    def __init__(
        self,
        directory: Directory,
        sessions: Sessions,
        totp: Totp,
        conversations: Conversations,
        holds: Holds,
        front_ends: FrontEnds,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._sessions = sessions
        self._totp = totp
        self._conversations = conversations
        self._holds = holds
        self._front_ends = front_ends
        self._clock = clock

    def export(self, person: Person) -> dict[str, Any]:
        """Everything that is stored about `person`, as JSON values; times are RFC 3339, UTC.

        Raises `TrackerTampered` or `TrackerUnavailable` rather than leaving anything out.
        """
        return {
            "kind": KIND,
            "version": VERSION,
            "exported_at": as_iso(self._clock.now()),
            "person": {
                "user_name": person.username,
                "name": person.display_name,
                "roles": sorted(person.roles),
                "department": person.department,
                "employment_type": person.employment_type,
                "employee_id": person.employee_id,
                "has_authenticator": self._totp.enrolled(person.id),
            },
            "authenticators": [
                {
                    "kind": one.kind,
                    "name": one.name,
                    "added_at": as_iso(one.created_at),
                    "last_used_at": None if one.last_used_at is None else as_iso(one.last_used_at),
                }
                for one in self._totp.authenticators.of(person.id)
            ],
            "front_ends": [
                {
                    "name": one.name,
                    "domain": one.domain,
                    "scopes": sorted(one.scopes),
                    "registered_at": as_iso(one.created_at),
                    "ends_at": as_iso(one.expires_at),
                    "last_used_at": None if one.last_used_at is None else as_iso(one.last_used_at),
                }
                for one in self._front_ends.of_person(person.id)
            ],
            "sessions": [
                {
                    "signed_in_at": as_iso(session.started_at),
                    "last_active_at": as_iso(session.last_seen_at),
                    "browser": session.browser,
                }
                for session in self._sessions.of_person(person.id)
            ],
            "conversations": [
                _conversation(summary, words_of(events))
                for summary, events in self._conversations.everything(person.id)
            ],
            "legal_holds": [
                {
                    "since": as_iso(hold.approved_at or hold.proposed_at),
                    "conversations": len(hold.handles),
                    "reason": hold.reason,
                }
                for hold in self._holds.shown_to(person.id)
            ],
            "not_included": [*NOT_INCLUDED, *([ALTERED] if self._holds.readable()[1] else [])],
        }

    def stored(self, person_id: str) -> dict[str, Any]:
        """How much is stored about a person and until when, without any of their words: times are
        epoch seconds. What a law forbids to tell of is not in it, like in an export."""
        return {
            "conversations": [
                {
                    "started_at": int(summary.started_at),
                    "last_message_at": int(summary.last_message_at),
                    "expires_at": int(summary.expires_at),
                    "fixed": summary.fixed,
                    "turns": summary.turns,
                }
                for summary in self._conversations.summary(person_id)
            ],
            "holds": [
                {
                    "since": int(hold.approved_at or hold.proposed_at),
                    "conversations": len(hold.handles),
                    "reason": hold.reason,
                }
                for hold in self._holds.shown_to(person_id)
            ],
        }

    def request_erasure(self, person_id: str, session_id: str) -> int:
        """Write down that everything of the person goes after this turn, and sign them out
        everywhere but in the session that asked; how many conversations."""
        asked = self._conversations.request_erasure(person_id)
        self._sessions.close_others(session_id, person_id)
        return asked

    def erase(self, person_id: str) -> Erased:
        """Erase everything of the person now, also sign-ins. Raises `KeyRingUnavailable` or
        `TrackerUnavailable`; the request then stays written down and is completed later."""
        self._conversations.request_erasure(person_id)
        self._sessions.close_all(person_id)
        ended = self._conversations.erase_person(person_id)
        receipts = [one.receipt for one in ended if one.receipt]
        receipt = receipts[0] if receipts else self._conversations.erase_traces(person_id)
        return Erased(len(ended), receipt)


def _conversation(summary: Summary, words: list[Words]) -> dict[str, Any]:
    return {
        "started_at": as_iso(summary.started_at),
        "last_message_at": as_iso(summary.last_message_at),
        "erased_for_good_at": as_iso(summary.expires_at),
        "a_message_prolongs_it": not summary.fixed,
        "turns": summary.turns,
        "messages": [
            {"from": item["from"], "text": item["text"], "at": as_iso(item["at"])} for item in words
        ],
    }
