"""What the dialogue policy of this process let through, for the actions that follow from it.

An assertion vouches for a person and the words of a message, not for what the language understanding
made of them. So the policy notes which intent and entities it decided on, and an action runs only
for exactly these: whoever calls an action directly, or edits the intent, an entity or the words on
the way, has no such note. A separate action server gets the note inside the signed call. Notes live
in memory for as long as an assertion, and are worth nothing without one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar

MOST_NOTES = 10_000

_handed_over: ContextVar[str | None] = ContextVar("gatehouse_admitted", default=None)
_notes: OrderedDict[bytes, str] = OrderedDict()
_lock = threading.Lock()


def digest_of(intent: str, entities: object) -> str:
    """What was understood, as 64 hexadecimal digits: the intent, and of each entity its name, role
    and value."""
    found = entities if isinstance(entities, list) else []
    parts = [
        [str(one.get("entity")), str(one.get("role")), str(one.get("value"))]
        for one in found
        if isinstance(one, Mapping)
    ]
    document = json.dumps([intent, parts], ensure_ascii=True)
    return hashlib.sha256(b"gatehouse admitted v1\n" + document.encode("ascii")).hexdigest()


def note(token: object, intent: str, entities: object) -> None:
    """Remember that the message with this verified assertion may go on as `intent`."""
    with _lock:
        _notes[_key(token)] = digest_of(intent, entities)
        while len(_notes) > MOST_NOTES:
            _notes.popitem(last=False)


def noted(token: object) -> str:
    """What was let through for the message with this assertion; "" for nothing."""
    handed_over = _handed_over.get()
    if handed_over is not None:
        return handed_over
    with _lock:
        return _notes.get(_key(token), "")


def hand_over(digest: str) -> None:
    """For the rest of this call, what was let through is what its signature says, nothing else."""
    _handed_over.set(digest)


def is_admitted(token: object, intent: str, entities: object) -> bool:
    """Whether exactly this was let through for the message with this assertion."""
    return hmac.compare_digest(noted(token), digest_of(intent, entities))


def _key(token: object) -> bytes:
    text = token if isinstance(token, str) else ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
