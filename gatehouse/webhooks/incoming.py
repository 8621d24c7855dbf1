"""Takes signed messages from other systems: each acts once, or is refused.

Order of checks: address, form, age, signature, kind, replay. A message whose handler failed may come
again; one that was handled is answered like the first time and does nothing. Methods block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError as RowExists
from sqlalchemy.exc import SQLAlchemyError

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError, Unavailable
from gatehouse.webhooks.endpoints import Source
from gatehouse.webhooks.schema import received
from gatehouse.webhooks.signature import ID, MESSAGE_ID, SIGNATURE, TIMESTAMP, TOLERANCE, is_signed

LARGEST: Final = 16 * 1024  # bytes
_BUSY: Final = 60.0  # seconds after which an unfinished message counts as failed
_DEEPEST: Final = 8

_RESTORED: Final = "*"  # no source can be called so


def forget_before(connection: Connection, now: float) -> None:
    """In a database that was put back: take no message that was sent before `now`, since the ids
    of those that acted since the backup are lost."""
    connection.execute(sa.delete(received))
    row = {"source": _RESTORED, "message_id": "restored", "at": now, "done": True}
    connection.execute(sa.insert(received).values(**row))


class ReceiverRefused(GatehouseError):
    """The message is not taken; `reason` is for the audit log. To a sender who did not prove to be one,
    every reason looks the same."""

    def __init__(self, reason: str) -> None:
        super().__init__("the message was not accepted")
        self.reason = reason


class NotUnderstood(ReceiverRefused):
    """An authentic message that nothing can be done with; the sender is told why, and may mend it."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(reason)
        self.sentence = sentence


class ReceiverBusy(GatehouseError):
    """The same message is being handled at this moment."""


@dataclass(frozen=True, slots=True)
class Event:
    """A verified message: where it comes from, its id, its kind and what it says."""

    source: str
    id: str
    kind: str
    data: Mapping[str, Any]


class Receiver:
    """Takes messages from the sources of one deployment."""

    def __init__(self, sources: Mapping[str, Source], engine: Engine, clock: Clock) -> None:
        self._sources = sources
        self._engine = engine
        self._clock = clock

    def knows(self, name: str) -> bool:
        """Whether there is a source called `name`."""
        return name in self._sources

    def take(
        self,
        name: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
        handle: Callable[[Event], None],
    ) -> bool:
        """Verify the message and let `handle` act on it; False when it was handled before.

        `headers` have lower-case names. Raises `ReceiverRefused`, `ReceiverBusy`, `Unavailable`, or
        what `handle` raises; the sender may then send the message again.
        """
        event = self.verified(name, headers, body, address)
        if not self._begin(event):
            return False
        try:
            handle(event)
        except BaseException:
            self._forget(event)
            raise
        self._finish(event)
        return True

    def verified(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> Event:
        """The message, if it comes from who it says it does; raises `ReceiverRefused`."""
        source = self._sources.get(name)
        if source is None:
            raise ReceiverRefused("unknown source")
        if not source.allows(address):
            raise ReceiverRefused("address")
        message_id, stamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
        if not MESSAGE_ID.fullmatch(message_id) or not re.fullmatch(r"\d{1,12}", stamp, re.ASCII):
            raise ReceiverRefused("headers")
        if len(body) > LARGEST:
            raise ReceiverRefused("size")
        if abs(self._clock.now() - int(stamp)) > TOLERANCE:
            raise ReceiverRefused("age")
        self._require_after_restore(int(stamp))
        if not is_signed(source.keys, message_id, int(stamp), body, headers.get(SIGNATURE, "")):
            raise ReceiverRefused("signature")
        kind, data = _content(body)
        if kind not in source.kinds:
            raise NotUnderstood("kind", "This kind of message is not taken from you.")
        return Event(name, message_id, kind, data)

    def prune(self) -> None:
        """Forget the ids of messages that are too old to be accepted again anyway."""
        before = self._clock.now() - 2 * TOLERANCE
        with _translated(), self._engine.begin() as connection:
            connection.execute(sa.delete(received).where(received.c.at < before))

    def _require_after_restore(self, stamp: int) -> None:
        """Refuse what was sent before the database was put back: it may have acted already."""
        with _translated(), self._engine.begin() as connection:
            at = connection.execute(
                sa.select(sa.func.max(received.c.at)).where(received.c.source == _RESTORED)
            ).scalar()
        if at is not None and stamp <= at:
            raise ReceiverRefused("age")

    def _begin(self, event: Event) -> bool:
        now = self._clock.now()
        row = {"source": event.source, "message_id": event.id, "at": now, "done": False}
        with _translated():
            try:
                with self._engine.begin() as connection:
                    connection.execute(sa.insert(received).values(**row))
                return True
            except RowExists:
                pass
            with self._engine.begin() as connection:
                found = connection.execute(
                    sa.select(received.c.at, received.c.done).where(_same(event))
                ).first()
                if found is not None and found.done:
                    return False
                # Whoever moves the time forward has taken the message over from one that died.
                taken = connection.execute(
                    sa.update(received)
                    .where(_same(event), received.c.done.is_(False), received.c.at <= now - _BUSY)
                    .values(at=now)
                )
        if taken.rowcount != 1:
            raise ReceiverBusy("this message is being handled", "send it again in a minute")
        return True

    def _finish(self, event: Event) -> None:
        with _translated(), self._engine.begin() as connection:
            connection.execute(sa.update(received).where(_same(event)).values(done=True))

    def _forget(self, event: Event) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.delete(received).where(_same(event)))
        except SQLAlchemyError:
            return  # it counts as failed after a minute


def _same(event: Event) -> Any:
    return sa.and_(received.c.source == event.source, received.c.message_id == event.id)


def _content(body: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        message = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _no_message() from error
    kind = message.get("type") if isinstance(message, dict) else None
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(kind, str) or not isinstance(data, dict) or _depth(data) > _DEEPEST:
        raise _no_message()
    return kind, data


def _no_message() -> NotUnderstood:
    return NotUnderstood("content", "The body must be a JSON object with `type` and `data`.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


class _translated:
    """Every failure of the database is an `Unavailable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        if isinstance(error, SQLAlchemyError):
            raise Unavailable("the database does not answer", "check database.url") from error
