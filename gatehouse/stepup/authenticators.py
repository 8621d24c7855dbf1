"""The authenticators that people have: several each, with names, pending until their first good code.

What all kinds share: listing, naming, removing, and an enrolment that waits a few minutes in the one
session that began it, with few tries. What a kind keeps secret is sealed, bound to the row and its person,
so that a row moved to somebody else opens nothing. What a code or an answer proves is not decided here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity.transactions import insert_or_lock, transaction
from gatehouse.keys.columns import SealedColumn
from gatehouse.keys.envelope import associated_data, seal, unseal
from gatehouse.stepup.naming import NAMES, checked_name, require_another, told_apart
from gatehouse.stepup.schema import accounts
from gatehouse.stepup.schema import authenticators as table

MOST: Final = 10
MOST_APPS: Final = 5
"""Every app has good codes of its own, so guessing is bounded by fewer tries the more there are."""

ENROLMENT_SECONDS: Final = 600
ENROLMENT_TRIES: Final = 5
NO_STEP: Final = -1

_RECORDS: Final = {
    "totp": "totp seed",
    "webauthn": "passkey",
    "email": "e-mail address",
    "sms": "telephone number",
}


class TooManyAuthenticators(InvalidInput):
    """The person has as many as anybody may have."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """One that is active; times in seconds since the epoch. `backup` says of a passkey whether it can be
    copied to other devices (`eligible`, `backed_up`); a `suspended` one is not asked any more."""

    id: str
    kind: str
    name: str = field(repr=False)
    created_at: float
    last_used_at: float | None
    backup: str
    suspended: bool


class Authenticators:
    """The rows of one deployment; `key` (32 bytes) seals what each kind keeps secret."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key

    def of(self, person_id: str, kind: str | None = None) -> tuple[Authenticator, ...]:
        """The active authenticators of a person, oldest first; of one `kind` if given."""
        return tuple(_shown(row) for row in self.rows(person_id, kind))

    def rows(self, person_id: str, kind: str | None = None) -> list[Any]:
        """The same as rows, for the module of the kind."""
        query = sa.select(table).where(
            table.c.person_id == person_id, table.c.confirmed_at.is_not(None)
        )
        if kind is not None:
            query = query.where(table.c.kind == kind)
        with transaction(self._engine) as connection:
            ordered = query.order_by(table.c.created_at, table.c.id)
            return list(connection.execute(ordered).mappings().all())

    def begin(
        self,
        person_id: str,
        kind: str,
        secret: bytes,
        *,
        name: str = "",
        session_tag: str = "",
        active: bool = False,
        demo: bool = False,
    ) -> str:
        """Store an authenticator that waits for its first code (or is `active` at once); its id.

        One enrolment waits per person and session; a new one takes the place of the former.
        Raises `InvalidInput`, `TooManyAuthenticators`.
        """
        identity, now = secrets.token_hex(16), self._clock.now()
        row = {
            "id": identity,
            "person_id": person_id,
            "kind": kind,
            "name": checked_name(name or NAMES[kind]),
            "sealed": self.seal(kind, identity, person_id, secret),
            "confirmed_at": now if active else None,
            "last_step": NO_STEP,
            "last_about": "",
            "credential": None,
            "backup": "",
            "suspended_at": None,
            "last_used_at": None,
            "demo": demo,
            "created_at": now,
            "expires_at": None if active else now + ENROLMENT_SECONDS,
            "session_tag": session_tag,
            "tries_left": ENROLMENT_TRIES,
        }
        waiting = (
            table.c.person_id == person_id,
            table.c.confirmed_at.is_(None),
            table.c.session_tag == session_tag,
        )
        try:
            with transaction(self._engine) as connection:
                if active:
                    self._open_account(connection, person_id)
                else:
                    connection.execute(table.delete().where(*waiting))
                self.require_room(connection, person_id, kind)
                connection.execute(table.insert().values(**row))
        except sa.exc.IntegrityError as error:
            raise InvalidInput("Another one is being set up at this moment. Try again.") from error
        return identity

    def seal(self, kind: str, identity: str, person_id: str, secret: bytes) -> bytes:
        """`secret` as the column `sealed` of that row holds it."""
        return seal(self._key, secret, _bound(kind, identity, person_id))

    def secret(self, row: Any) -> bytes:
        """What is sealed in `row`; raises `EnvelopeError` when the row was altered or moved."""
        bound = _bound(row["kind"], row["id"], row["person_id"])
        return unseal(self._key, bytes(row["sealed"]), bound)

    def sealed_columns(self) -> tuple[SealedColumn, ...]:
        """What `gatehouse keys reseal` has to seal anew."""
        return (
            SealedColumn(
                table,
                "sealed",
                ("id",),
                self._key,
                lambda row: _bound(row["kind"], row["id"], row["person_id"]),
            ),
        )

    def require_room(self, connection: Connection, person_id: str, kind: str) -> None:
        """Raise `TooManyAuthenticators` when the person may not have one more of `kind`."""
        query = (
            sa.select(table.c.kind, sa.func.count())
            .where(table.c.person_id == person_id, table.c.confirmed_at.is_not(None))
            .group_by(table.c.kind)
        )
        counts = {str(name): int(number) for name, number in connection.execute(query).all()}
        if sum(counts.values()) >= MOST or (kind == "totp" and counts.get(kind, 0) >= MOST_APPS):
            raise TooManyAuthenticators(
                "You have as many of these as anybody may have. Remove one that you do not use first."
            )

    def pending(self, person_id: str, identity: str, session_tag: str) -> Any:
        """The enrolment that waits in this session, None when it is over; uses up one try."""
        mine = (
            table.c.id == identity,
            table.c.person_id == person_id,
            table.c.session_tag == session_tag,
            table.c.confirmed_at.is_(None),
            table.c.tries_left > 0,
            table.c.expires_at > self._clock.now(),
            table.c.created_at < self._clock.now() + 60.0,  # a clock that went back revives nothing
        )
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update().where(*mine).values(tries_left=table.c.tries_left - 1)
            )
            if taken.rowcount != 1:
                return None
            found = connection.execute(sa.select(table).where(table.c.id == identity))
            return found.mappings().one()

    def pending_kind(self, person_id: str, identity: str, session_tag: str) -> str:
        """The kind of an enrolment that waits in this session; "" when none does."""
        query = sa.select(table.c.kind).where(
            table.c.id == identity,
            table.c.person_id == person_id,
            table.c.session_tag == session_tag,
            table.c.confirmed_at.is_(None),
        )
        with transaction(self._engine) as connection:
            return str(connection.execute(query).scalar_one_or_none() or "")

    def pending_secret(self, person_id: str, identity: str, session_tag: str) -> bytes | None:
        """What is sealed in an enrolment that waits in this session; None when none does."""
        if not self.pending_kind(person_id, identity, session_tag):
            return None
        query = sa.select(table).where(table.c.id == identity)
        with transaction(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else self.secret(row)

    def tries_left(self, person_id: str, identity: str) -> int:
        """How many tries an enrolment has left."""
        query = sa.select(table.c.tries_left).where(
            table.c.id == identity,
            table.c.person_id == person_id,
            table.c.confirmed_at.is_(None),
            table.c.expires_at > self._clock.now(),
        )
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one_or_none() or 0)

    def check_room(self, person_id: str, kind: str) -> None:
        """As `require_room`, where nothing is stored yet."""
        with transaction(self._engine) as connection:
            self.require_room(connection, person_id, kind)

    def latest_pending(self, person_id: str, kind: str, session_tag: str) -> str:
        """The id of the enrolment that waits in this session; "" for none."""
        query = sa.select(table.c.id).where(
            table.c.person_id == person_id,
            table.c.kind == kind,
            table.c.session_tag == session_tag,
            table.c.confirmed_at.is_(None),
        )
        with transaction(self._engine) as connection:
            return str(connection.execute(query).scalar_one_or_none() or "")

    def activate(self, person_id: str, identity: str, **values: Any) -> bool:
        """Make a pending one active with `values`; true for one caller only.

        Raises `TooManyAuthenticators` when others became active meanwhile.
        """
        now = self._clock.now()
        change = {"confirmed_at": now, "expires_at": None, "session_tag": "", **values}
        with transaction(self._engine) as connection:
            self._open_account(connection, person_id)  # its row orders those who come at once
            wanted = sa.select(table.c.kind, table.c.name).where(table.c.id == identity)
            kind, name = connection.execute(wanted).one_or_none() or ("", "")
            self.require_room(connection, person_id, kind)
            # Only one that was begun at the same time in another session can have it by now.
            change["name"] = told_apart(name, self._names(connection, person_id))
            done = connection.execute(
                table.update()
                .where(
                    table.c.id == identity,
                    table.c.person_id == person_id,
                    table.c.confirmed_at.is_(None),
                )
                .values(**change)
            )
        return int(done.rowcount) == 1

    def rename(self, person_id: str, identity: str, name: str) -> bool:
        """Give it another name; false when the person has no such authenticator.

        Raises `InvalidInput`, `NameTaken`.
        """
        checked = checked_name(name)
        with transaction(self._engine) as connection:
            self._open_account(connection, person_id)
            require_another(checked, self._names(connection, person_id, besides=identity))
            return self._changed(connection, person_id, identity, name=checked)

    def suspend(self, person_id: str, identity: str) -> bool:
        """Ask it no more, until it is removed."""
        with transaction(self._engine) as connection:
            suspended = {"suspended_at": self._clock.now()}
            return self._changed(connection, person_id, identity, **suspended)

    def take_step(self, identity: str, step: int, *conditions: Any, **values: Any) -> bool:
        """Use up `step` of an active one; true once for each step that is above the last."""
        now = self._clock.now()
        with transaction(self._engine) as connection:
            taken = connection.execute(
                table.update()
                .where(
                    table.c.id == identity,
                    table.c.confirmed_at.is_not(None),
                    *(conditions or (table.c.last_step < step,)),
                )
                .values(last_step=step, last_used_at=now, **values)
            )
        return int(taken.rowcount) == 1

    def remove(self, person_id: str, identity: str) -> bool:
        """Forget one; false when the person has no such authenticator."""
        return self._delete(table.c.person_id == person_id, table.c.id == identity) > 0

    def remove_all(self, person_id: str, kind: str | None = None) -> int:
        """Forget every one of a person, active or pending, of one `kind` if given; how many."""
        of_kind = sa.true() if kind is None else table.c.kind == kind
        return self._delete(table.c.person_id == person_id, of_kind)

    def account(self, person_id: str) -> str | None:
        """What the wrong codes of the person are counted under; None before the first factor."""
        query = sa.select(accounts.c.account).where(accounts.c.person_id == person_id)
        with transaction(self._engine) as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

    def forget_account(self, person_id: str) -> None:
        """The next factor begins with no wrong codes: only for a reset that is accounted for."""
        with transaction(self._engine) as connection:
            connection.execute(accounts.delete().where(accounts.c.person_id == person_id))

    def prune(self) -> int:
        """Delete enrolments that were not completed; how many."""
        return self._delete(table.c.confirmed_at.is_(None), table.c.expires_at <= self._clock.now())

    def _open_account(self, connection: Connection, person_id: str) -> None:
        fresh = {"person_id": person_id, "account": secrets.token_hex(16)}
        insert_or_lock(connection, accounts, "person_id", fresh)

    def _names(self, connection: Connection, person_id: str, besides: str = "") -> list[str]:
        query = sa.select(table.c.name).where(
            table.c.person_id == person_id,
            table.c.confirmed_at.is_not(None),
            table.c.id != besides,
        )
        return [str(name) for name in connection.execute(query).scalars()]

    def _changed(
        self, connection: Connection, person_id: str, identity: str, **values: Any
    ) -> bool:
        done = connection.execute(
            table.update()
            .where(
                table.c.id == identity,
                table.c.person_id == person_id,
                table.c.confirmed_at.is_not(None),
            )
            .values(**values)
        )
        return int(done.rowcount) == 1

    def _delete(self, *conditions: Any) -> int:
        with transaction(self._engine) as connection:
            return int(connection.execute(table.delete().where(*conditions)).rowcount)


def _bound(kind: str, identity: str, person_id: str) -> bytes:
    return associated_data(record=_RECORDS[kind], id=identity, person=person_id)


def _shown(row: Any) -> Authenticator:
    return Authenticator(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        backup=row["backup"],
        suspended=row["suspended_at"] is not None,
    )
