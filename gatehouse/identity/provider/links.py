"""Which person of the directory somebody at the provider is.

By issuer and subject alone (OpenID Connect Core 1.0 section 5.7): names and addresses are given to
others when people leave. A link cannot be planted or moved by writing to the table.
"""

from __future__ import annotations

import hmac

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity import schema
from gatehouse.identity.provider.seen import keyed
from gatehouse.identity.transactions import transaction

_links, _sessions = schema.provider_links, schema.provider_sessions


def forget(engine: Engine, person_id: str) -> bool:
    """End the link of a person, whatever the provider; false when there was none."""
    with transaction(engine) as connection:
        done = connection.execute(_links.delete().where(_links.c.person_id == person_id))
    return bool(done.rowcount)


class Links:
    """The links of one deployment to one issuer; `key` is 32 bytes."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes, issuer: str) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._issuer = issuer

    def person_of(self, subject: str) -> str | None:
        """The id of the person who is `subject`, None when that is nobody."""
        hashed = self._subject(subject)
        query = sa.select(_links).where(_links.c.subject == hashed)
        with transaction(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None or not hmac.compare_digest(str(row["mac"]), self._mac(hashed, row)):
            return None
        return str(row["person_id"])

    def link(self, subject: str, person_id: str) -> None:
        """From now on `subject` is this person; raises `InvalidInput` when either is linked already."""
        hashed = self._subject(subject)
        row = {"person_id": person_id, "linked_at": self._clock.now()}
        row |= {"subject": hashed, "mac": self._mac(hashed, row)}
        try:
            with transaction(self._engine) as connection:
                connection.execute(_links.insert().values(**row))
        except sa.exc.IntegrityError as error:
            raise InvalidInput(
                "this person or this subject is linked already",
                "`gatehouse people unlink` ends the link of a person",
            ) from error

    def opened(self, session_id: str, subject: str, provider_session: str) -> None:
        """A session here follows from one at the provider."""
        with transaction(self._engine) as connection:
            connection.execute(
                _sessions.insert().values(
                    session_id=session_id,
                    subject=self._subject(subject),
                    provider_session=self._session(provider_session) if provider_session else "",
                )
            )

    def sessions_of(self, subject: str, provider_session: str) -> tuple[str, ...]:
        """The sessions here that end with what a logout token names; each part "" if not named."""
        chosen = []
        if provider_session:
            chosen.append(_sessions.c.provider_session == self._session(provider_session))
        if subject:
            chosen.append(_sessions.c.subject == self._subject(subject))
        query = sa.select(_sessions.c.session_id).where(*chosen)
        with transaction(self._engine) as connection:
            return tuple(connection.execute(query).scalars()) if chosen else ()

    def came_from_provider(self, session_id: str) -> bool:
        """Whether a session follows from one at the provider."""
        query = sa.select(_sessions.c.session_id).where(_sessions.c.session_id == session_id)
        with transaction(self._engine) as connection:
            return connection.execute(query).first() is not None

    def prune(self) -> int:
        """Forget sessions that are no longer in the table of sessions; returns how many."""
        known = sa.select(schema.sessions.c.id)
        gone = _sessions.c.session_id.not_in(known)
        with transaction(self._engine) as connection:
            return int(connection.execute(_sessions.delete().where(gone)).rowcount)

    def _subject(self, subject: str) -> str:
        return keyed(self._key, "subject", self._issuer, subject)

    def _session(self, provider_session: str) -> str:
        return keyed(self._key, "session", self._issuer, provider_session)

    def _mac(self, hashed: str, row: sa.engine.RowMapping | dict[str, object]) -> str:
        at = float(str(row["linked_at"]))
        return keyed(self._key, "link", hashed, str(row["person_id"]), repr(at))
