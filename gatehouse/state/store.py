"""Counts refusals and remembers which requests were served, and which confirmed, per conversation.

Written before a refusal is spoken and before a request is carried out, so that a rule can rely on
what it says. Whatever cannot be read is not known, and a fact that is not known never opens
anything; whatever cannot be written stops the request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError
from gatehouse.identity.transactions import insert_or_lock, transaction
from gatehouse.keys import EnvelopeError, associated_data, seal, unseal
from gatehouse.state.schema import states

RECENT: Final = 3600.0
"""Seconds for which a refusal counts as recent."""

MOST_REFUSALS: Final = 100
_VERSION: Final = 1
_MOST_KNOWN: Final = 10_000

KeyOf = Callable[[str], bytes | None]


class Audit(Protocol):
    """The part of the audit log that is needed here."""

    def append(self, kind: str, *, conversation: str | None = None, reason: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may ask about a conversation; None means not known.

    `refusals` is the number of refusals in the last hour, `served` the intents that were carried out.
    """

    refusals: int | None = None
    served: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A second factor that was given: what it was worth, when (epoch seconds), and the ids of the
    authenticators that the person had then."""

    level: str
    at: float
    authenticators: frozenset[str]


class ConversationState:
    """The states of the conversations in `engine`.

    `key_of` gives the data key (32 bytes) of a living conversation, None when there is none. All
    methods block. Messages of one conversation run one at a time, so facts do not change between
    the two decisions on one message.
    """

    def __init__(
        self, engine: Engine, key_of: KeyOf, clock: Clock, audit: Audit | None = None
    ) -> None:
        self._engine = engine
        self._key_of = key_of
        self._clock = clock
        self._audit = audit
        # What is served stays served, so a request that is known to be needs no second write.
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def facts(self, conversation_id: str) -> Facts:
        """What is known now; nothing when the row was altered, which is recorded.

        Raises `Unavailable` when the database does not answer.
        """
        key = self._key_of(conversation_id)
        if key is None:
            return Facts()
        content = self._read(key, conversation_id)
        if content is None:
            return Facts()
        since = self._clock.now() - RECENT
        recent = sum(at > since for at in content["refusals"])
        return Facts(recent, frozenset(content["served"]))

    def refused(self, conversation_id: str) -> None:
        """Count a refusal. Raises `Unavailable` or `IntegrityError` when that cannot be written."""

        def add(content: dict[str, Any]) -> None:
            content["refusals"] = [*content["refusals"], self._clock.now()][-MOST_REFUSALS:]

        self._change(conversation_id, add)

    def served(self, conversation_id: str, intent: str) -> None:
        """Remember that `intent` is carried out. Raises as `refused`."""
        known = conversation_id, intent
        if known in self._known:
            return

        def add(content: dict[str, Any]) -> None:
            content["served"] = sorted({*content["served"], intent})

        if self._change(conversation_id, add):
            self._known[known] = None
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def confirmed(self, conversation_id: str, session_id: str, intent: str) -> Confirmed | None:
        """The last code that was given for `intent` in this session, None when none is known."""
        key = self._key_of(conversation_id)
        if key is None:
            return None
        content = self._read(key, conversation_id) or {}
        found = content.get("confirmed", {}).get(intent)
        if not found or not hmac.compare_digest(str(found[0]), session_id):
            return None
        had = frozenset(map(str, found[3])) if len(found) > 3 else frozenset({""})
        return Confirmed(str(found[1]), float(found[2]), had)

    def confirm(self, conversation_id: str, session_id: str, intent: str, given: Confirmed) -> None:
        """Remember that a code was given for `intent` in this session. Raises as `refused`."""

        def add(content: dict[str, Any]) -> None:
            before = content.get("confirmed", {})
            had = sorted(given.authenticators)
            content["confirmed"] = {**before, intent: [session_id, given.level, given.at, had]}

        self._change(conversation_id, add)

    def rekey(self, connection: Connection, old: bytes, new: bytes) -> None:
        """Move the state of a conversation to its new data key, in the caller's transaction.

        Raises `IntegrityError` when it was altered.
        """
        before, after = tag_of(old), tag_of(new)
        sealed = connection.execute(
            sa.select(states.c.sealed).where(states.c.tag == before).with_for_update()
        ).scalar_one_or_none()
        if sealed is None:
            return
        content = _opened(old, before, bytes(sealed))
        connection.execute(
            states.update()
            .where(states.c.tag == before)
            .values(tag=after, sealed=_sealed(new, after, content))
        )

    def purge(self, older_than: float) -> int:
        """Delete rows that did not change for `older_than` seconds; how many there were."""
        before = self._clock.now() - older_than
        with transaction(self._engine) as connection:
            gone = connection.execute(sa.delete(states).where(states.c.changed_at < before))
        return int(gone.rowcount)

    def _read(self, key: bytes, conversation_id: str) -> dict[str, Any] | None:
        """What the row says; None when it was altered, which is recorded."""
        tag = tag_of(key)
        with transaction(self._engine) as connection:
            row = connection.execute(sa.select(states.c.sealed).where(states.c.tag == tag)).first()
        if row is None:
            return _nothing()
        try:
            return _opened(key, tag, bytes(row.sealed))
        except IntegrityError:
            if self._audit is not None:
                self._audit.append("tamper", conversation=conversation_id, reason="state_altered")
            return None

    def _change(self, conversation_id: str, change: Callable[[dict[str, Any]], None]) -> bool:
        """Change the row; False when the conversation has no living key, and so no state."""
        key = self._key_of(conversation_id)
        if key is None:
            return False
        tag, now = tag_of(key), self._clock.now()
        with transaction(self._engine) as connection:
            new = {"tag": tag, "sealed": _sealed(key, tag, _nothing()), "changed_at": now}
            insert_or_lock(connection, states, "tag", new)
            sealed = connection.execute(
                sa.select(states.c.sealed).where(states.c.tag == tag)
            ).scalar_one()
            content = _opened(key, tag, bytes(sealed))
            change(content)
            connection.execute(
                states.update()
                .where(states.c.tag == tag)
                .values(sealed=_sealed(key, tag, content), changed_at=now)
            )
        return True


def _nothing() -> dict[str, Any]:
    return {"refusals": [], "served": []}


def tag_of(key: bytes) -> str:
    """The tag of the row of a conversation whose data key is `key`."""
    return hmac.new(key, b"gatehouse conversation state", hashlib.sha256).hexdigest()


def _bound(tag: str) -> bytes:
    return associated_data(kind="conversation state", tag=tag, version=_VERSION)


def _sealed(key: bytes, tag: str, content: dict[str, Any]) -> bytes:
    return seal(key, json.dumps(content).encode(), _bound(tag))


def _opened(key: bytes, tag: str, sealed: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(unseal(key, sealed, _bound(tag)))
    except EnvelopeError as error:
        raise IntegrityError("the state of a conversation was altered") from error
    return content
