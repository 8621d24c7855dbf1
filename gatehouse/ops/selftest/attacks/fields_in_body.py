"""A body that names the sender, the conversation, roles, slots or metadata.

Rasa's own channels take all of these from the body (rasa/core/channels/rest.py), so whoever writes the
body would be whoever they like.
"""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial

FIELDS = {
    "sender": "someone.else",
    "sender_id": "someone.else",
    "conversation_id": "0" * 32,
    "input_channel": "rest",
    "metadata": {"gatehouse_assertion": "forged"},
    "roles": ["hr_admin"],
    "slots": {"person": "Marco Silva"},
    "entities": [{"entity": "person", "value": "Marco Silva"}],
    "events": [{"event": "slot", "name": "person", "value": "x"}],
    "intent": {"name": "view_salary", "confidence": 1.0},
    "aal": 2,
    "__proto__": {"admin": True},
}


def attempt(trial: Trial) -> None:
    person = trial.person
    for name, value in FIELDS.items():
        body = {"id": new_id(), "text": "hello", name: value}
        answer = person.ask("POST", "/api/v1/messages", body)
        trial.refused(answer, f"a message with the field {name}", 400)
    extra = {"id": new_id(), "button": "x" * 16, "payload": "/view_salary"}
    trial.refused(person.ask("POST", "/api/v1/buttons", extra), "a button with a payload", 400)
    extension = person.ask("POST", "/api/v1/session/extension", {"idle": 86400})
    trial.refused(extension, "an extension with a field", 400)


ATTACK = Attack(
    id="fields-in-body",
    title="Name sender, conversation, roles, slots, entities or metadata in the body of a message",
    stride=("S", "E"),
    asvs=("V8.3.1", "V15.3.3"),
    severity="critical",
    expects="Every field that is not part of the protocol is refused (400).",
    mend="Derive who speaks, and where, from the session alone; refuse bodies with other fields.",
    attempt=attempt,
    needs="account",
)
