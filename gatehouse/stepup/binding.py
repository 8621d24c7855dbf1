"""What a challenge is about, and how that is bound to one request of one person.

The binding is a keyed hash over an encoding that differs for any two different requests, so that a
grant for one month, account or colleague is worth nothing for another. Values are compared to the
byte; two spellings of one name are two values, and the person is asked again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gatehouse.errors import InvalidInput
from gatehouse.stepup.levels import USUAL

MAX_VALUES = 32
MAX_VALUE = 1000


@dataclass(frozen=True, slots=True)
class Resume:
    """How the original request goes on after a good code: an intent or an action by name, with the
    entities of the request (name, value) and the text to show for it."""

    kind: Literal["intent", "action"]
    name: str
    entities: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    display: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """The request of a challenge: who, in which session and conversation, wants what.

    `nonce` is 32 hexadecimal digits, fresh for every challenge. `level` is the assurance that it needs.
    """

    person_id: str = field(repr=False)
    session_id: str = field(repr=False)
    conversation_id: str = field(repr=False)
    intent: str
    values: Mapping[str, str] = field(repr=False)
    nonce: str = field(repr=False)
    prompt: str = field(repr=False)
    resume: Resume = field(repr=False)
    level: str = USUAL


def canonical_values(values: Mapping[str, str]) -> bytes:
    """`values` as bytes: the same for the same values in any order, different for any others.

    The count, then per name in byte order the length and bytes of name and value. Raises
    `InvalidInput` for anything but text, or too much of it.
    """
    if len(values) > MAX_VALUES:
        raise InvalidInput(f"a request is bound to at most {MAX_VALUES} values")
    pairs = sorted((_bytes(name), _bytes(value)) for name, value in values.items())
    return struct.pack(">I", len(pairs)) + b"".join(_sized(a) + _sized(b) for a, b in pairs)


class Tags:
    """Keyed hashes for the columns of challenges and grants; `key` is 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the key of step-up must have 32 bytes")
        self._key = hmac.new(key, b"gatehouse step-up tags v1", hashlib.sha256).digest()

    def of(self, kind: str, identity: str) -> str:
        """The tag of a person, session, conversation or message: 64 hexadecimal digits."""
        return self._mac(_sized(kind.encode()) + _sized(_bytes(identity)))

    def binding(self, subject: Subject, values: Mapping[str, str]) -> str:
        """The tag of the request of `subject`, if it had these `values`."""
        fields = (
            "binding",
            subject.person_id,
            subject.session_id,
            subject.conversation_id,
            subject.intent,
            subject.nonce,
        )
        return self._mac(b"".join(_sized(_bytes(f)) for f in fields) + canonical_values(values))

    def approval(self, challenge_id: str, subject: Subject) -> str:
        """What an answer to a challenge is bound to: 64 hexadecimal digits that are different for any
        other challenge, request, value, level or wording that the person saw."""
        fields = ("approval", challenge_id, self.binding(subject, subject.values), subject.level)
        # The wording may be longer than a bound value.
        prompt = hashlib.sha256(subject.prompt.encode("utf-8", "surrogatepass")).hexdigest()
        return self._mac(b"".join(_sized(_bytes(f)) for f in (*fields, prompt)))

    def _mac(self, data: bytes) -> str:
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()


def encode_subject(subject: Subject) -> bytes:
    """`subject` as the bytes that are sealed."""
    resume = subject.resume
    canonical_values(subject.values)
    document = {
        "v": 1,
        "person": subject.person_id,
        "session": subject.session_id,
        "conversation": subject.conversation_id,
        "intent": subject.intent,
        "values": dict(subject.values),
        "nonce": subject.nonce,
        "prompt": subject.prompt,
        "resume": [resume.kind, resume.name, [list(e) for e in resume.entities], resume.display],
        "level": subject.level,
    }
    return json.dumps(document, ensure_ascii=True).encode("ascii")


def decode_subject(data: bytes) -> Subject:
    """The inverse of `encode_subject`; only for bytes that came out of a verified envelope."""
    document: dict[str, Any] = json.loads(data)
    kind, name, entities, display = document["resume"]
    return Subject(
        person_id=document["person"],
        session_id=document["session"],
        conversation_id=document["conversation"],
        intent=document["intent"],
        values=document["values"],
        nonce=document["nonce"],
        prompt=document["prompt"],
        resume=Resume(kind, name, tuple((e[0], e[1]) for e in entities), display),
        level=document.get("level", USUAL),  # what was sealed before there were levels
    )


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > MAX_VALUE:
        raise InvalidInput(f"a bound value must be text of at most {MAX_VALUE} characters")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("a bound value must be text") from None


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
