"""Sign-in sessions: one person, one browser or front end, one conversation.

The table holds the SHA-256 of a token, never the token, and the conversation id only sealed, bound
to everything else that matters in the row: a row that was edited, or a token hash planted by
somebody who can write the table, no longer opens. A session that has once been seen as ended stays
ended, wherever the clock goes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.browsers import browser_name, browser_tag
from gatehouse.identity.front_ends.terms import Terms
from gatehouse.identity.people import Person
from gatehouse.identity.schema import sessions as table
from gatehouse.identity.transactions import transaction
from gatehouse.keys.envelope import associated_data, seal, unseal

CLOCK_TOLERANCE = 60.0
"""Seconds by which the clock may run behind a session's last sign of life; more ends the session."""

TOUCH_EVERY = 10.0
"""Seconds between two writes of when a session was last used."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
# Built once: to build a statement takes several times as long as to run it.
_BY_TOKEN = sa.select(table).where(table.c.token_hash == sa.bindparam("value")).with_for_update()
_BY_COOKIE = _BY_TOKEN.where(table.c.client == "")
_BY_BEARER = _BY_TOKEN.where(table.c.client != "")
_BY_ID = sa.select(table).where(table.c.id == sa.bindparam("value")).with_for_update()
_WORDS = {
    "idle": "You were signed out because nothing happened for a while. Sign in to go on.",
    "absolute": "You were signed out because this session reached its longest time. "
    "Sign in to go on.",
    "signed_out": "You are signed out.",
    "unknown": "You are not signed in.",
    "clock": "You were signed out because the clock of the server changed. Sign in to go on.",
    "browser": "You were signed out because this session was used by another browser. If that was "
    "not you, change your password.",
    "token": "This access token has ended.",
    "tampered": "You were signed out because this session could not be verified. Sign in to go on.",
}


class SessionEnded(GatehouseError):
    """There is no such session any more. `reason` is `idle`, `absolute`, `signed_out`, `unknown`,
    `clock` (the server's clock went back), `browser` (another one showed its token), `token` (an access
    token that was not renewed) or `tampered`;
    `message` is for the person. `just_now` says that this very look ended it."""

    def __init__(self, reason: str, person_id: str = "", *, just_now: bool = False) -> None:
        super().__init__(_WORDS[reason])
        self.just_now = just_now
        self.reason = reason
        self.person_id = person_id


@dataclass(frozen=True, slots=True)
class Session:
    """An open session. `id` is not the token; `conversation_id` is 32 hexadecimal digits (128 random
    bits); times are seconds since the epoch; `aal` is the assurance level, reached at `aal_at`;
    `browser` is what a person would call the browser or front end that it was opened in; `terms` is
    what an access token is good for, None in a browser."""

    id: str
    person_id: str
    conversation_id: str = field(repr=False)
    csrf: str = field(repr=False)
    started_at: float
    last_seen_at: float
    aal: int
    aal_at: float | None
    browser: str = ""
    terms: Terms | None = None


class SessionLimits(Protocol):
    """The settings of a session, in seconds."""

    @property
    def idle(self) -> int: ...

    @property
    def absolute(self) -> int: ...


class Sessions:
    """The sessions of one deployment (ASVS 5.0 V7); `key` is 32 bytes."""

    def __init__(self, engine: Engine, clock: Clock, limits: SessionLimits, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._seal_key = _derive(key, "conversation")
        self._csrf_key = _derive(key, "csrf")
        self._browser_key = _derive(key, "browser")

    def open(
        self, person: Person, user_agent: str = "", *, aal: int = 1, aal_at: float | None = None
    ) -> tuple[str, Session]:
        """A new session and conversation for `person`: its token, for the cookie alone, and itself.

        `user_agent` is what the browser calls itself; `aal` is the assurance level of the sign-in,
        reached at `aal_at` when it is above 1.
        """
        tag = browser_tag(self._browser_key, user_agent)
        return self._start(
            person, browser=browser_name(user_agent), browser_tag=tag, aal=aal, aal_at=aal_at
        )

    def open_token(self, person: Person, terms: Terms, name: str) -> tuple[str, Session]:
        """The same for a front end of `person`, called `name`: an access token that `terms` limit."""
        return self._start(person, browser=name, client=terms.front_end, terms=terms.encoded())

    def renew_token(self, session_id: str, terms: Terms) -> tuple[str, Session]:
        """A new access token in place of the old one, which ends at once; the conversation stays.

        Nobody said anything by it, so the idle time goes on.
        """
        return self._change(session_id, secrets.token_urlsafe(32), terms=terms.encoded())

    def resolve(self, token: object, user_agent: str | None = None) -> Session:
        """The open session of `token`, whatever a browser sent as one; raises `SessionEnded`.

        With `user_agent`, what the browser calls itself, a token that another browser shows ends its
        session. Reading does not keep it alive; `touch` does.
        """
        shown = _known_hash(token)
        with transaction(self._engine) as connection:
            row, reason = self._inspect(connection, _BY_COOKIE, shown)
            if not reason and user_agent is not None and not self._is_of(row, user_agent):
                reason = "browser"
                self._write(connection, row["id"], **self._ending(reason))
        return self._opened(row, reason)

    def resolve_token(self, token: object) -> Session:
        """The open session of an access token; raises `SessionEnded`.

        It proves nothing by itself: whoever shows it must prove the key that `terms` name. The token
        of a browser is none, and an access token is no cookie.
        """
        shown = _known_hash(token)
        with transaction(self._engine) as connection:
            row, reason = self._inspect(connection, _BY_BEARER, shown)
        return self._opened(row, reason)

    def get(self, session_id: str) -> Session:
        """The open session with this id; raises `SessionEnded`."""
        with transaction(self._engine) as connection:
            row, reason = self._inspect(connection, _BY_ID, session_id)
        return self._opened(row, reason)

    def of_person(self, person_id: str) -> tuple[Session, ...]:
        """The open sessions of a person, oldest first."""
        mine = sa.select(table.c.id).where(
            table.c.person_id == person_id, table.c.ended_at.is_(None)
        )
        with transaction(self._engine) as connection:
            ids = connection.execute(mine.order_by(table.c.started_at)).scalars().all()
        found = []
        for session_id in ids:
            try:
                found.append(self.get(session_id))
            except SessionEnded:
                continue
        return tuple(found)

    def is_fresh(self, session: Session) -> bool:
        """Whether `touch` would write nothing: the idle time began a moment ago."""
        since = self._clock.now() - session.last_seen_at
        return 0 <= since < min(TOUCH_EVERY, self._limits.idle / 20)

    def touch(self, session_id: str) -> float:
        """The person did something: the idle time starts anew, at the time returned.

        Never moves back, never revives. Who writes quickly costs one disk write every few seconds;
        the idle end may come that much earlier, never later.
        """
        now = self._clock.now()
        with transaction(self._engine) as connection:
            row, reason = self._inspect(connection, _BY_ID, session_id)
            seen = 0.0 if reason else float(row["last_seen_at"])
            if not reason and now - seen >= min(TOUCH_EVERY, self._limits.idle / 20):
                self._write(connection, session_id, last_seen_at=now)
                seen = now
        if reason:
            raise SessionEnded(reason)
        return seen

    def close(self, session_id: str) -> bool:
        """Sign out; false when the session was over already."""
        return self._end(table.c.id == session_id, "signed_out") == 1

    def close_all(self, person_id: str) -> int:
        """Sign a person out everywhere; returns how many sessions ended."""
        return self._end(table.c.person_id == person_id, "signed_out")

    def close_everybody(self) -> int:
        """End every session and access token there is; returns how many."""
        return self._end(sa.true(), "signed_out")

    def close_front_end(self, front_end_id: str) -> int:
        """End every access token of a front end; returns how many."""
        return self._end(table.c.client == front_end_id, "signed_out")

    def close_others(self, session_id: str, person_id: str) -> int:
        """Sign a person out everywhere but in this session; returns how many sessions ended."""
        others = sa.and_(table.c.person_id == person_id, table.c.id != session_id)
        return self._end(others, "signed_out")

    def forget_ended(self, person_id: str) -> int:
        """Delete what is left of a person's sessions that are over; returns how many."""
        over = sa.and_(table.c.person_id == person_id, table.c.ended_at.is_not(None))
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(over)).rowcount)

    def renew_conversation(self, session_id: str) -> Session:
        """Give the session a new conversation id, after the old conversation ended."""
        return self._change(session_id, None, conversation_id=secrets.token_hex(16))[1]

    def expire(self) -> int:
        """Mark every session whose time is over, so that no later clock revives it; how many."""
        now = self._clock.now()
        idle = self._end(table.c.last_seen_at <= now - self._limits.idle, "idle")
        return idle + self._end(table.c.started_at <= now - self._limits.absolute, "absolute")

    def prune(self, keep: float = 86400.0) -> int:
        """Delete sessions that ended more than `keep` seconds ago; returns how many."""
        old = table.c.ended_at < self._clock.now() - keep
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(old)).rowcount)

    def _start(self, person: Person, **facts: Any) -> tuple[str, Session]:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        session_id, conversation_id = secrets.token_hex(16), secrets.token_hex(16)
        row: dict[str, Any] = {
            "id": session_id,
            "token_hash": _hash(token),
            "person_id": person.id,
            "started_at": now,
            "last_seen_at": now,
            "aal": 1,
            "aal_at": None,
            "ended_at": None,
            "ended_reason": "",
            "browser": "",
            "browser_tag": "",
            "client": "",
            "terms": "",
            **facts,
        }
        row["conversation"] = self._sealed(row, conversation_id)
        with transaction(self._engine) as connection:
            connection.execute(table.insert().values(**row))
        return token, self._session(row, conversation_id)

    def _change(
        self, session_id: str, token: str | None, *, conversation_id: str = "", **values: Any
    ) -> tuple[str, Session]:
        with transaction(self._engine) as connection:
            row, reason = self._inspect(connection, _BY_ID, session_id)
            if not reason:
                kept = conversation_id or self._conversation(row)
                if token is not None:
                    values["token_hash"] = _hash(token)
                changed = {**row, **values}
                values["conversation"] = self._sealed(changed, kept)
                self._write(connection, session_id, **values)
        if reason:
            raise SessionEnded(reason)
        return token or "", self._session(changed, kept)

    def _inspect(
        self, connection: Connection, chosen: sa.sql.Select, value: str
    ) -> tuple[dict[str, Any], str]:
        """The row and "", or why it is no open session; what is found over is marked as over."""
        found = connection.execute(chosen, {"value": value}).mappings().one_or_none()
        if found is None:
            return {}, "unknown"
        row = dict(found)
        if row["ended_at"] is not None:
            return row, str(row["ended_reason"])
        reason = self._over(row)
        if not reason:
            try:
                self._conversation(row)
            except GatehouseError:
                reason = "tampered"
            else:
                terms = Terms.read(row["terms"])
                if terms is not None and self._clock.now() >= terms.until:
                    reason = "token"
        if reason:
            self._write(connection, row["id"], **self._ending(reason))
        return row, reason

    def _is_of(self, row: dict[str, Any], user_agent: str) -> bool:
        tag = browser_tag(self._browser_key, user_agent)
        return not row["browser_tag"] or hmac.compare_digest(str(row["browser_tag"]), tag)

    def _over(self, row: dict[str, Any]) -> str:
        now = self._clock.now()
        if now < row["last_seen_at"] - CLOCK_TOLERANCE:
            return "clock"
        if now - row["started_at"] >= self._limits.absolute:
            return "absolute"
        return "idle" if now - row["last_seen_at"] >= self._limits.idle else ""

    def _opened(self, row: dict[str, Any], reason: str) -> Session:
        if reason:
            just_now = bool(row) and row["ended_at"] is None
            raise SessionEnded(reason, row.get("person_id", ""), just_now=just_now)
        return self._session(row, self._conversation(row))

    def _end(self, condition: Any, reason: str) -> int:
        still_open = table.c.ended_at.is_(None)
        change = table.update().where(condition, still_open).values(**self._ending(reason))
        with transaction(self._engine) as connection:
            return int(connection.execute(change).rowcount)

    def _ending(self, reason: str) -> dict[str, Any]:
        # The conversation id goes with the session: nothing links the person to it any more.
        return {"ended_at": self._clock.now(), "ended_reason": reason, "conversation": b""}

    def _write(self, connection: Connection, session_id: str, **values: Any) -> None:
        connection.execute(table.update().where(table.c.id == session_id).values(**values))

    def _conversation(self, row: dict[str, Any]) -> str:
        return unseal(self._seal_key, bytes(row["conversation"]), _bound(row)).decode("ascii")

    def _sealed(self, row: dict[str, Any], conversation_id: str) -> bytes:
        return seal(self._seal_key, conversation_id.encode("ascii"), _bound(row))

    def _session(self, row: dict[str, Any], conversation_id: str) -> Session:
        material = f"{row['id']}\n{row['token_hash']}".encode()
        return Session(
            id=row["id"],
            person_id=row["person_id"],
            conversation_id=conversation_id,
            csrf=hmac.new(self._csrf_key, material, hashlib.sha256).hexdigest(),
            started_at=row["started_at"],
            last_seen_at=row["last_seen_at"],
            aal=row["aal"],
            aal_at=row["aal_at"],
            browser=row["browser"],
            terms=Terms.read(row["terms"]),
        )


def _bound(row: dict[str, Any]) -> bytes:
    # Sessions that were opened before browsers were told apart have neither.
    more = {"browser": row["browser_tag"]} if row["browser_tag"] else {}
    if row["client"]:
        more |= {"client": row["client"], "terms": row["terms"]}
    return associated_data(
        record="session",
        id=row["id"],
        token=row["token_hash"],
        person=row["person_id"],
        started=repr(float(row["started_at"])),
        aal=int(row["aal"]),
        aal_at="" if row["aal_at"] is None else repr(float(row["aal_at"])),
        **more,
    )


def _known_hash(token: object) -> str:
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise SessionEnded("unknown")
    return _hash(token)


def _hash(token: str) -> str:
    # A plain hash suffices: the token has 256 random bits (ASVS 5.0 V7.2.3).
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def _derive(key: bytes, purpose: str) -> bytes:
    if len(key) != 32:
        raise ValueError("the key of the sessions must have 32 bytes")
    return hmac.new(key, f"gatehouse session {purpose} v1".encode(), hashlib.sha256).digest()
