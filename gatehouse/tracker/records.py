"""What is sealed: one record per turn, and the head that says how many there are.

Each record is bound to its conversation, its position and the records before it; the head holds
the end of that chain. So a record that was moved, exchanged, dropped or added does not open or
does not fit. Nothing here knows a table or a clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gatehouse.keys import EnvelopeError, associated_data, seal, unseal
from gatehouse.tracker.errors import EventRefused, TrackerTampered
from gatehouse.tracker.schema import VERSION

Event = dict[str, Any]

_START: Final = "00" * 32
_SESSION_STARTED: Final = "session_started"


@dataclass(frozen=True, slots=True)
class Head:
    """The sealed summary of a conversation; `chain` covers all its records.

    The `session_` fields say where the last session starts: the record, the event in it, the
    chain before it and the number of events since. `deadline` is the earliest limit of a retention
    class that was touched, None when there is none. The `window_` fields say which record follows
    the sealed snapshot of the session, and the chain before it; there is no snapshot when
    `window_sequence` is 0.
    """

    conversation_id: str
    person_id: str | None
    started_at: float
    last_message_at: float
    expires_at: float
    sequence: int = 0
    events: int = 0
    chain: str = _START
    session_sequence: int = 1
    session_offset: int = 0
    session_chain: str = _START
    session_events: int = 0
    deadline: float | None = None
    window_sequence: int = 0
    window_chain: str = _START

    def after(
        self,
        events: Sequence[Event],
        envelope: bytes,
        now: float,
        expires_at: float,
        deadline: float | None = None,
    ) -> Head:
        """The head once `envelope` with `events` is the next record."""
        head = replace(
            self,
            last_message_at=now,
            expires_at=expires_at,
            deadline=deadline,
            sequence=self.sequence + 1,
            events=self.events + len(events),
            chain=following(self.chain, envelope),
            session_events=self.session_events + len(events),
        )
        starts = [i for i, event in enumerate(events) if event.get("event") == _SESSION_STARTED]
        if not starts:
            return head
        return replace(
            head,
            session_sequence=head.sequence,
            session_offset=starts[-1],
            session_chain=self.chain,
            session_events=len(events) - starts[-1],
            window_sequence=0,
            window_chain=_START,
        )

    def first(self, *, whole: bool, window: bool) -> Place:
        """Where reading begins: the conversation, the window after its snapshot, or the session."""
        if whole:
            return Place(1, 0, _START)
        if window and self.window_sequence:
            return Place(self.window_sequence, 0, self.window_chain)
        return Place(self.session_sequence, self.session_offset, self.session_chain)


@dataclass(frozen=True, slots=True)
class Place:
    """An event: its record, its number in the record, and the chain before that record."""

    sequence: int
    offset: int
    chain: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The events of one record, and the chain after it."""

    events: list[Event]
    chain: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The folded beginning of a session; see `gatehouse.tracker.window.Carry`."""

    events: list[Event]
    solid: int
    complete: bool
    states: int
    visible: int


def seal_head(key: bytes, handle: str, head: Head) -> bytes:
    """The sealed head of the conversation row `handle`."""
    return seal(key, json.dumps(_fields(head)).encode(), _place("head", handle))


def open_head(key: bytes, handle: str, envelope: bytes) -> Head:
    """The head in `envelope`. Raises `TrackerTampered`."""
    try:
        return Head(**json.loads(unseal(key, envelope, _place("head", handle))))
    except EnvelopeError as error:
        raise TrackerTampered("head_altered") from error


def seal_turn(key: bytes, handle: str, head: Head, events: Sequence[Event]) -> bytes:
    """`events` sealed as the record that follows `head`. Raises `EventRefused`."""
    try:
        content = json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        raise EventRefused("an event of this turn cannot be stored") from None
    return seal(key, content, _turn(handle, head.sequence + 1, head.chain))


def open_turns(
    key: bytes, handle: str, head: Head, rows: Sequence[tuple[int, bytes]], first: Place
) -> list[Turn]:
    """What is in `rows` (sequence, envelope), the records from `first` on.

    Raises `TrackerTampered` unless the rows are exactly those that the head counts, unchanged.
    """
    chain = first.chain
    if [sequence for sequence, _ in rows] != list(range(first.sequence, head.sequence + 1)):
        raise TrackerTampered("records_missing_or_added")
    turns: list[Turn] = []
    for sequence, envelope in rows:
        try:
            events = json.loads(unseal(key, envelope, _turn(handle, sequence, chain)))
        except EnvelopeError as error:
            raise TrackerTampered("record_altered") from error
        chain = following(chain, envelope)
        turns.append(Turn(events, chain))
    if chain != head.chain:
        raise TrackerTampered("chain_broken")
    if turns and first.offset:
        turns[0] = Turn(turns[0].events[first.offset :], turns[0].chain)
    return turns


def open_all(key: bytes, handle: str, head: Head, rows: Sequence[tuple[int, bytes]]) -> list[Event]:
    """Every event of the conversation, whose records `rows` are. Raises `TrackerTampered`."""
    turns = open_turns(key, handle, head, rows, head.first(whole=True, window=False))
    return [event for turn in turns for event in turn.events]


def seal_snapshot(key: bytes, handle: str, head: Head, snapshot: Snapshot) -> bytes:
    """`snapshot` sealed as the one that the `window_` fields of `head` speak of."""
    content = json.dumps(_fields(snapshot), ensure_ascii=False, separators=(",", ":")).encode()
    return seal(key, content, _snapshot(handle, head))


def open_snapshot(key: bytes, handle: str, head: Head, envelope: bytes | None) -> Snapshot:
    """The snapshot in `envelope`. Raises `TrackerTampered`, also when it is of another moment."""
    try:
        return Snapshot(**json.loads(unseal(key, envelope or b"", _snapshot(handle, head))))
    except EnvelopeError as error:
        raise TrackerTampered("snapshot_altered") from error


def resealed(
    key: bytes, handle: str, head: Head, rows: Sequence[tuple[int, bytes]]
) -> tuple[Head, list[tuple[int, bytes]]]:
    """Head and all records of a conversation with their envelopes made anew.

    The chain runs over the envelopes, so all of it changes, and every field of the head that is a
    value of the old chain becomes the same place of the new one. Raises `TrackerTampered` unless
    the rows are exactly those that the head counts, unchanged.
    """
    if [sequence for sequence, _ in rows] != list(range(1, head.sequence + 1)):
        raise TrackerTampered("records_missing_or_added")
    old = new = _START
    place, made = {_START: _START}, []
    for sequence, envelope in rows:
        try:
            content = unseal(key, envelope, _turn(handle, sequence, old))
        except EnvelopeError as error:
            raise TrackerTampered("record_altered") from error
        made.append((sequence, seal(key, content, _turn(handle, sequence, new))))
        old, new = following(old, envelope), following(new, made[-1][1])
        place[old] = new
    if old != head.chain:
        raise TrackerTampered("chain_broken")
    moved: dict[str, Any] = {
        name: place[value]
        for name, value in _fields(head).items()
        if isinstance(value, str) and value in place
    }
    return replace(head, **moved), made


def following(chain: str, envelope: bytes) -> str:
    """The chain value after `envelope`: SHA-256 over the one before and the sealed bytes."""
    return hashlib.sha256(bytes.fromhex(chain) + envelope).hexdigest()


def _fields(node: Head | Snapshot) -> dict[str, Any]:
    # Not `asdict`, which copies every event deeply.
    return {name: getattr(node, name) for name in node.__slots__}


def _place(kind: str, handle: str) -> bytes:
    return associated_data(kind=kind, conversation=handle, version=VERSION)


def _turn(handle: str, sequence: int, chain: str) -> bytes:
    return associated_data(
        kind="turn", conversation=handle, sequence=sequence, previous=chain, version=VERSION
    )


def _snapshot(handle: str, head: Head) -> bytes:
    return associated_data(
        kind="snapshot",
        conversation=handle,
        sequence=head.window_sequence,
        previous=head.window_chain,
        version=VERSION,
    )
