"""Grants: what a good code allows, exactly once.

A grant covers one request of one person in one session and conversation, with the values that the
person saw, for two minutes, and for the single message that first uses it. It never raises the
session; whoever holds a grant for one thing holds nothing else.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError
from gatehouse.identity.transactions import transaction
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.stepup.binding import Resume, Subject, Tags, decode_subject, encode_subject
from gatehouse.stepup.challenges import CLOCK_TOLERANCE
from gatehouse.stepup.levels import USUAL, reaches
from gatehouse.stepup.refusals import GrantRefused
from gatehouse.stepup.schema import grants as table

GRANT_SECONDS = 120.0
"""The channel resumes the request by itself, at once; this is for a busy server."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission; `nonce` is that of the challenge it comes from, `level` the assurance given."""

    id: str
    intent: str
    values: Mapping[str, str] = field(repr=False)
    resume: Resume = field(repr=False)
    prompt: str = field(repr=False)
    granted_at: float
    expires_at: float
    nonce: str = field(repr=False)
    level: str = USUAL


@dataclass(frozen=True, slots=True)
class Use:
    """Who wants to use a grant, for what, with which message; `values` None asks for any values,
    `level` is the assurance that is needed now."""

    person_id: str = field(repr=False)
    session_id: str = field(repr=False)
    conversation_id: str = field(repr=False)
    intent: str
    values: Mapping[str, str] | None = field(repr=False)
    message_id: str = field(repr=False)
    level: str = USUAL


class Grants:
    """The grants of a deployment."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes, tags: Tags) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._tags = tags

    def issue(self, subject: Subject) -> Grant:
        """A grant for the request of `subject`, whose `level` is the assurance that was given; only
        after its audit entry is durable."""
        now = self._clock.now()
        row = {
            "id": secrets.token_hex(16),
            "conversation_tag": self._tags.of("conversation", subject.conversation_id),
            "session_tag": self._tags.of("session", subject.session_id),
            "person_tag": self._tags.of("person", subject.person_id),
            "binding": self._tags.binding(subject, subject.values),
            "granted_at": now,
            "expires_at": now + GRANT_SECONDS,
            "message_tag": "",
        }
        row["sealed"] = seal(self._key, encode_subject(subject), _bound(row))
        with transaction(self._engine) as connection:
            connection.execute(table.insert().values(**row))
        return _grant(row, subject)

    def redeem(self, grant_id: str, use: Use) -> Grant:
        """Use a grant; raises `GrantRefused`. The first message to use it is the only one."""
        row, subject = self._read(grant_id)
        self._compare(row, subject, use)
        tag = self._tags.of("message", use.message_id)
        free = table.c.message_tag.in_(("", tag))
        with transaction(self._engine) as connection:
            bound = connection.execute(
                table.update()
                .where(table.c.id == grant_id, free, table.c.expires_at > self._clock.now())
                .values(message_tag=tag)
            )
        if bound.rowcount != 1:
            raise GrantRefused("used")
        return _grant(row, subject)

    def resume_of(self, grant_id: str, conversation_id: str) -> Resume | None:
        """How the request of a current grant of this conversation goes on; uses nothing up."""
        try:
            row, subject = self._read(grant_id)
        except GrantRefused:
            return None
        mine = hmac.compare_digest(
            row["conversation_tag"], self._tags.of("conversation", conversation_id)
        )
        return subject.resume if mine else None

    def expire(self) -> int:
        """Delete what is over; returns how many."""
        with transaction(self._engine) as connection:
            over = table.delete().where(table.c.expires_at <= self._clock.now())
            return int(connection.execute(over).rowcount)

    def forget(self, column: str, tag: str) -> int:
        """Delete every grant with this `session_tag` or `conversation_tag`."""
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(table.c[column] == tag)).rowcount)

    def _read(self, grant_id: str) -> tuple[dict[str, Any], Subject]:
        with transaction(self._engine) as connection:
            query = sa.select(table).where(table.c.id == grant_id)
            found = connection.execute(query).mappings().one_or_none()
            if found is None:
                raise GrantRefused("unknown")
            row, now = dict(found), self._clock.now()
            over = now >= row["expires_at"] or now < row["granted_at"] - CLOCK_TOLERANCE
            if over:
                # Deleted, so that a clock that goes back finds nothing to revive.
                connection.execute(table.delete().where(table.c.id == grant_id))
        if over:
            raise GrantRefused("expired")
        try:
            return row, decode_subject(unseal(self._key, bytes(row["sealed"]), _bound(row)))
        except IntegrityError:
            raise GrantRefused("tampered") from None

    def _compare(self, row: Mapping[str, Any], subject: Subject, use: Use) -> None:
        for kind, identity in (
            ("person", use.person_id),
            ("session", use.session_id),
            ("conversation", use.conversation_id),
        ):
            if not hmac.compare_digest(row[f"{kind}_tag"], self._tags.of(kind, identity)):
                raise GrantRefused(kind)
        if use.intent != subject.intent:
            raise GrantRefused("intent")
        if not reaches(subject.level, use.level):
            raise GrantRefused("level")
        values = subject.values if use.values is None else use.values
        if not hmac.compare_digest(row["binding"], self._tags.binding(subject, values)):
            raise GrantRefused("values")


def _grant(row: Mapping[str, Any], subject: Subject) -> Grant:
    return Grant(
        id=row["id"],
        intent=subject.intent,
        values=subject.values,
        resume=subject.resume,
        prompt=subject.prompt,
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
        nonce=subject.nonce,
        level=subject.level,
    )


def _bound(row: Mapping[str, Any]) -> bytes:
    return associated_data(
        record="grant",
        id=row["id"],
        conversation=row["conversation_tag"],
        session=row["session_tag"],
        person=row["person_tag"],
        binding=row["binding"],
        granted=repr(float(row["granted_at"])),
        expires=repr(float(row["expires_at"])),
    )
