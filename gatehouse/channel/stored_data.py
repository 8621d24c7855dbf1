"""What a person downloads when they ask for everything that is stored about them.

Covers what Gatehouse itself keeps: the directory entry, sign-in sessions, conversations with their
expiry, and the words of those that live. Never another person's data, and never a secret such as a
password hash or an authenticator's seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.channel.services import Services
from gatehouse.clock import as_iso

if TYPE_CHECKING:
    from gatehouse.identity import Person


def stored_data(
    services: Services,
    person: Person,
    messages: list[dict[str, Any]],
    others: list[list[dict[str, Any]]],
) -> dict[str, Any]:
    """The document; `messages` are those of the present conversation, `others` of the rest. Blocks."""
    return {
        "exported_at": as_iso(services.clock.now()),
        "person": {
            "user_name": person.username,
            "name": person.display_name,
            "roles": sorted(person.roles),
            "department": person.department,
            "employment_type": person.employment_type,
            "employee_id": person.employee_id,
        },
        "sessions": [
            {
                "signed_in_at": as_iso(session.started_at),
                "last_active_at": as_iso(session.last_seen_at),
            }
            for session in services.sessions.of_person(person.id)
        ],
        "conversations": [
            {
                "started_at": as_iso(found.started_at),
                "last_message_at": as_iso(found.last_message_at),
                "destroyed_at": as_iso(found.expires_at),
                "turns": found.turns,
            }
            for found in services.conversations.summary(person.id)
        ],
        "this_conversation": _words(messages),
        "other_conversations": [_words(found) for found in others],
    }


def _words(messages: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {"from": item["from"], "text": item["text"], "at": as_iso(item["at"])} for item in messages
    ]
