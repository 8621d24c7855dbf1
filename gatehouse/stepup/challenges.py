"""Challenges: requests that wait for a code.

A conversation waits for one code at most; a second sensitive request voids the first. A challenge is
answered by the session and conversation that asked, within minutes, with few tries, once. What it is
about is sealed and is erased as soon as it stops waiting; one that was seen as expired stays so,
wherever the clock goes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import Unavailable
from gatehouse.identity.transactions import transaction
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.stepup.binding import Resume, Subject, Tags, decode_subject, encode_subject
from gatehouse.stepup.schema import challenges as table

CLOCK_TOLERANCE = 60.0
"""Seconds by which the clock may run behind the creation of a challenge or grant."""

RECENT = 600.0
LAST_HOUR = 3600.0
_OPEN_TRIES = 5
# Built once: to build a statement takes several times as long as to run it.
_PENDING = sa.select(table).where(
    table.c.conversation_tag == sa.bindparam("tag"), table.c.state == "pending"
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A request that waits for a code; `prompt` is what the person approves, with its values."""

    id: str
    person_id: str = field(repr=False)
    session_id: str = field(repr=False)
    conversation_id: str = field(repr=False)
    intent: str
    values: Mapping[str, str] = field(repr=False)
    prompt: str = field(repr=False)
    resume: Resume = field(repr=False)
    created_at: float
    expires_at: float
    attempts_left: int
    nonce: str = field(repr=False)
    level: str

    @property
    def subject(self) -> Subject:
        """The part of it that a grant is bound to."""
        return Subject(
            self.person_id,
            self.session_id,
            self.conversation_id,
            self.intent,
            self.values,
            self.nonce,
            self.prompt,
            self.resume,
            self.level,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a challenge: `pending` (with the challenge), `exhausted`, `expired`, `passed`,
    `cancelled`, `replaced`, or `unknown`, also to any session but its own."""

    state: str
    challenge: Challenge | None = None


class Challenges:
    """The challenges of a deployment; `seconds` and `attempts` are the limits of each."""

    def __init__(
        self, engine: Engine, clock: Clock, key: bytes, tags: Tags, seconds: int, attempts: int
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._tags = tags
        self._seconds = seconds
        self._attempts = attempts

    def open(self, subject: Subject) -> Challenge:
        """Open a challenge for `subject`; one that still waits in the conversation is void."""
        row = self._row_of(subject)
        for _ in range(_OPEN_TRIES):
            try:
                with transaction(self._engine) as connection:
                    waiting = table.c.conversation_tag == row["conversation_tag"]
                    self._close(connection, waiting, "replaced")
                    connection.execute(table.insert().values(**row))
            except sa.exc.IntegrityError:
                continue  # another request of the conversation came in between; the last one wins
            return self._challenge(row)
        raise Unavailable("too many requests at once in this conversation; none was opened")

    def pending(self, conversation_id: str) -> Challenge | None:
        """The challenge that a conversation waits with, None when it does not wait.

        Raises `EnvelopeError` when its row was altered.
        """
        tag = self._tags.of("conversation", conversation_id)
        with transaction(self._engine) as connection:
            row = connection.execute(_PENDING, {"tag": tag}).mappings().one_or_none()
            return None if row is None else self._inspect(connection, dict(row)).challenge

    def find(self, challenge_id: str, session_id: str, conversation_id: str) -> Found:
        """The challenge with this id, for the session and conversation that asked for it."""
        mine = sa.select(table).where(
            table.c.id == challenge_id,
            table.c.session_tag == self._tags.of("session", session_id),
            table.c.conversation_tag == self._tags.of("conversation", conversation_id),
        )
        with transaction(self._engine) as connection:
            row = connection.execute(mine).mappings().one_or_none()
            return Found("unknown") if row is None else self._inspect(connection, dict(row))

    def latest(self, conversation_id: str) -> str | None:
        """The id of the conversation's last challenge, if that was in the last ten minutes."""
        tag = self._tags.of("conversation", conversation_id)
        recent = table.c.created_at > self._clock.now() - RECENT
        query = (
            sa.select(table.c.id)
            .where(table.c.conversation_tag == tag, recent)
            .order_by(table.c.created_at.desc(), (table.c.state == "pending").desc())
        )
        with transaction(self._engine) as connection:
            found: str | None = connection.execute(query.limit(1)).scalar_one_or_none()
        return found

    def failed(self, conversation_id: str, attempts: int) -> int:
        """How many wrong codes were given for the challenges of the last hour.

        `attempts` is the number of tries that each began with. The good code of a challenge that
        was passed is not one of them; a try that is being looked at counts as wrong.
        """
        tag = self._tags.of("conversation", conversation_id)
        used = attempts - table.c.attempts_left - sa.case((table.c.state == "passed", 1), else_=0)
        query = sa.select(sa.func.sum(sa.case((used > 0, used), else_=0))).where(
            table.c.conversation_tag == tag, table.c.created_at > self._clock.now() - LAST_HOUR
        )
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one() or 0)

    def take_attempt(self, connection: Connection, challenge_id: str) -> int | None:
        """Use up one try; the tries that are left, None when there was none or it does not wait."""
        taken = connection.execute(
            table.update()
            .where(table.c.id == challenge_id, self._answerable(), table.c.attempts_left > 0)
            .values(attempts_left=table.c.attempts_left - 1)
        )
        left = sa.select(table.c.attempts_left).where(table.c.id == challenge_id)
        found = connection.execute(left).scalar_one_or_none()
        return int(found) if taken.rowcount == 1 and found is not None else None

    def claim(self, challenge_id: str, step: int) -> bool:
        """Mark a challenge as passed with the code of `step`; true for one caller only."""
        with transaction(self._engine) as connection:
            claimed = connection.execute(
                table.update()
                .where(table.c.id == challenge_id, self._answerable())
                .values(state="passed", step=step, sealed=b"")
            )
        return int(claimed.rowcount) == 1

    def cancel(self, challenge_id: str) -> bool:
        """Stop waiting; false when it did not wait any more."""
        with transaction(self._engine) as connection:
            return self._close(connection, table.c.id == challenge_id, "cancelled") == 1

    def passed_with(self, person_id: str, session_id: str, step: int | None) -> bool:
        """Whether this very session passed a challenge with the code of `step`."""
        query = sa.select(sa.func.count()).where(
            table.c.person_tag == self._tags.of("person", person_id),
            table.c.session_tag == self._tags.of("session", session_id),
            table.c.state == "passed",
            table.c.step == (-1 if step is None else step),
        )
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one()) > 0

    def expire(self, keep: float) -> int:
        """Close what is over, delete what was over for `keep` seconds; how many were deleted."""
        now = self._clock.now()
        with transaction(self._engine) as connection:
            self._close(connection, table.c.expires_at <= now, "expired")
            gone = connection.execute(table.delete().where(table.c.expires_at <= now - keep))
        return int(gone.rowcount)

    def forget(self, column: str, tag: str) -> int:
        """Delete every challenge with this `session_tag` or `conversation_tag`."""
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(table.c[column] == tag)).rowcount)

    def _row_of(self, subject: Subject) -> dict[str, Any]:
        now = self._clock.now()
        row = {
            "id": secrets.token_hex(16),
            "conversation_tag": self._tags.of("conversation", subject.conversation_id),
            "session_tag": self._tags.of("session", subject.session_id),
            "person_tag": self._tags.of("person", subject.person_id),
            "created_at": now,
            "expires_at": now + self._seconds,
            "attempts_left": self._attempts,
            "state": "pending",
            "step": None,
        }
        row["sealed"] = seal(self._key, encode_subject(subject), _bound(row))
        return row

    def _inspect(self, connection: Connection, row: dict[str, Any]) -> Found:
        if row["state"] != "pending":
            return Found(str(row["state"]))
        now = self._clock.now()
        if now >= row["expires_at"] or now < row["created_at"] - CLOCK_TOLERANCE:
            self._close(connection, table.c.id == row["id"], "expired")
            return Found("expired")
        if row["attempts_left"] <= 0:
            return Found("exhausted")
        return Found("pending", self._challenge(row))

    def _close(self, connection: Connection, condition: Any, state: str) -> int:
        closed = connection.execute(
            table.update()
            .where(condition, table.c.state == "pending")
            .values(state=state, sealed=b"")
        )
        return int(closed.rowcount)

    def _answerable(self) -> Any:
        return sa.and_(table.c.state == "pending", table.c.expires_at > self._clock.now())

    def _challenge(self, row: Mapping[str, Any]) -> Challenge:
        subject = decode_subject(unseal(self._key, bytes(row["sealed"]), _bound(row)))
        return Challenge(
            id=row["id"],
            person_id=subject.person_id,
            session_id=subject.session_id,
            conversation_id=subject.conversation_id,
            intent=subject.intent,
            values=subject.values,
            prompt=subject.prompt,
            resume=subject.resume,
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            attempts_left=row["attempts_left"],
            nonce=subject.nonce,
            level=subject.level,
        )


def _bound(row: Mapping[str, Any]) -> bytes:
    return associated_data(
        record="challenge",
        id=row["id"],
        conversation=row["conversation_tag"],
        session=row["session_tag"],
        person=row["person_tag"],
        created=repr(float(row["created_at"])),
        expires=repr(float(row["expires_at"])),
    )
