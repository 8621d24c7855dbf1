"""The front ends of people and their keys: registering, proving, rotating, revoking.

Every row carries a keyed hash over what it grants, so that writing to the database registers nobody. A
front end never has more than its person: roles are read from the directory with every message, and no
scope goes around the policies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.identity.front_ends.keys import PublicKey
from gatehouse.identity.front_ends.signed import Assertion, FrontEndRefused, Proof
from gatehouse.identity.front_ends.terms import Terms, checked_scopes
from gatehouse.identity.front_ends.used_ids import UsedIds
from gatehouse.identity.schema import front_end_keys as keys
from gatehouse.identity.schema import front_ends as table
from gatehouse.identity.transactions import transaction

MOST_PER_PERSON: Final = 10
MOST_KEYS: Final = 3
_DAY = 86400.0
_DOMAIN = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """One front end; times are epoch seconds. `domain` is where it lives, a name of the DNS, and part of
    everything that it signs; `confirmed_with` is the authenticator that was good here last."""

    id: str
    person_id: str = field(repr=False)
    name: str
    domain: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float
    revoked_at: float | None = None
    last_used_at: float | None = None
    confirmed_with: str = field(default="", repr=False)

    def told(self, what: str) -> str:
        """A notice for its person, who may not have done it."""
        return f"The front end “{self.name}” ({self.domain}) {what}. If that was not you, end it."


class FrontEnds:
    """The front ends of one deployment; `key` is 32 bytes."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._tag_key = hmac.new(key, b"gatehouse front end tag v1", hashlib.sha256).digest()
        used_key = hmac.new(key, b"gatehouse front end used v1", hashlib.sha256).digest()
        self.used = UsedIds(engine, clock, used_key)

    def register(
        self,
        person_id: str,
        name: str,
        domain: str,
        scopes: Collection[str],
        key: PublicKey,
        lifetime: float,
    ) -> FrontEnd:
        """A new front end of a person, for `lifetime` seconds; raises `InvalidInput`."""
        now = self._clock.now()
        made = FrontEnd(
            id="fe-" + secrets.token_hex(12),
            person_id=person_id,
            name=checked_name(name),
            domain=checked_domain(domain),
            scopes=checked_scopes(scopes),
            created_at=now,
            expires_at=now + lifetime,
        )
        row = self._tagged(
            {
                "id": made.id,
                "person_id": person_id,
                "name": made.name,
                "domain": made.domain,
                "scopes": " ".join(sorted(made.scopes)),
                "created_at": now,
                "expires_at": made.expires_at,
                "revoked_at": None,
                "last_used_at": None,
                "confirmed_with": "",
            }
        )
        with transaction(self._engine) as connection:
            if len(self._live(connection, table.c.person_id == person_id)) >= MOST_PER_PERSON:
                raise InvalidInput(
                    f"a person can have {MOST_PER_PERSON} front ends", "revoke one that is not used"
                )
            connection.execute(table.insert().values(**row))
            self._add_key(connection, made.id, key, made.expires_at)
        return made

    def prove(self, assertion: object, audience: str) -> tuple[FrontEnd, str]:
        """The front end that signed `assertion` for `audience`, and the id of the key it used.

        The assertion is used up. Raises `FrontEndRefused`, whatever `assertion` is.
        """
        signed = Assertion(assertion)
        front_end, key = self._by_key(signed.key_id)
        now = self._clock.now()
        used, ends = signed.verify(key, front_end.id, front_end.domain, audience, now)
        # Longer than it is good, so that a clock that is set back revives none.
        if not self.used.use("assertion", front_end.id, used, ends + _DAY):
            raise FrontEndRefused("replayed")
        return front_end, key.id

    def prove_possession(
        self, assertion: object, key: PublicKey, of: FrontEnd, audience: str
    ) -> None:
        """That whoever asks holds the private part of a new `key`; raises `FrontEndRefused`."""
        signed = Assertion(assertion)
        if signed.key_id != key.id:
            raise FrontEndRefused("unknown_key")
        used, ends = signed.verify(key, of.id, of.domain, audience, self._clock.now())
        if not self.used.use("assertion", of.id, used, ends + _DAY):
            raise FrontEndRefused("replayed")

    def prove_before(
        self, assertion: object, key: PublicKey, username: str, domain: str, audience: str
    ) -> None:
        """That whoever registers `key` for `username` at `domain` holds its private part.

        Nothing has an id yet, so the key itself is the issuer (RFC 9278). Raises `FrontEndRefused`.
        """
        signed = Assertion(assertion)
        if signed.key_id != key.id:
            raise FrontEndRefused("unknown_key")
        now = self._clock.now()
        used, ends = signed.verify(key, key.uri, domain, audience, now, subject=username)
        if not self.used.use("assertion", key.id, used, ends + _DAY):
            raise FrontEndRefused("replayed")

    def check(self, terms: Terms, proof: object, method: str, address: str, token: str) -> FrontEnd:
        """The front end of `terms`, if `proof` says that this request with `token` is its own.

        The proof is used up. Raises `FrontEndRefused`, also when front end or key have ended.
        """
        signed = Proof(proof)
        if not hmac.compare_digest(signed.key_id, terms.key):
            raise FrontEndRefused("unknown_key")
        front_end, key = self._by_key(terms.key)
        if front_end.id != terms.front_end:
            raise FrontEndRefused("front_end")
        used, ends = signed.verify(key, method, address, self._clock.now(), token)
        if not self.used.use("proof", key.id, used, ends + 60.0):
            raise FrontEndRefused("replayed")
        return front_end

    def rotate(self, front_end_id: str, key: PublicKey, overlap: float) -> int:
        """Give a front end a new key; the former ones are good for `overlap` seconds more.

        Returns how many former ones there are. Raises `InvalidInput`.
        """
        now = self._clock.now()
        with transaction(self._engine) as connection:
            found = self._live(connection, table.c.id == front_end_id)
            if not found:
                raise no_such_front_end(front_end_id)
            mine = sa.select(keys).where(keys.c.front_end == front_end_id, keys.c.ends_at > now)
            former = [dict(row) for row in connection.execute(mine.with_for_update()).mappings()]
            if len(former) >= MOST_KEYS:
                raise InvalidInput(
                    f"a front end can have {MOST_KEYS} keys at once", "wait for one to end"
                )
            for row in former:
                row["ends_at"] = min(row["ends_at"], now + overlap)
                values = self._key_tagged(row)
                connection.execute(keys.update().where(keys.c.id == row["id"]).values(**values))
            self._add_key(connection, front_end_id, key, found[0].expires_at)
        return len(former)

    def revoke(self, front_end_id: str) -> bool:
        """End a front end and its keys for good; false when it had ended already."""
        with transaction(self._engine) as connection:
            query = sa.select(table).where(table.c.id == front_end_id).with_for_update()
            row = connection.execute(query).mappings().one_or_none()
            if row is None or row["revoked_at"] is not None:
                return False
            changed = self._tagged({**row, "revoked_at": self._clock.now()})
            connection.execute(table.update().where(table.c.id == front_end_id).values(**changed))
            connection.execute(keys.delete().where(keys.c.front_end == front_end_id))
        return True

    def confirmed(self, front_end_id: str, authenticator: str) -> None:
        """A code of `authenticator` was good here, and a token was given."""
        values = {"last_used_at": self._clock.now(), "confirmed_with": authenticator}
        with transaction(self._engine) as connection:
            connection.execute(table.update().where(table.c.id == front_end_id).values(**values))

    def get(self, front_end_id: str) -> FrontEnd | None:
        """The front end if it has neither ended nor been revoked."""
        with transaction(self._engine) as connection:
            found = self._live(connection, table.c.id == front_end_id)
        return found[0] if found else None

    def of_person(self, person_id: str | None = None) -> tuple[FrontEnd, ...]:
        """The front ends of a person, or of everybody, that can still be used; oldest first."""
        condition = sa.true() if person_id is None else table.c.person_id == person_id
        with transaction(self._engine) as connection:
            return tuple(self._live(connection, condition))

    def keys_of(self, front_end_id: str) -> tuple[tuple[str, float], ...]:
        """The ids of the keys of a front end that are still good, and when each ends; oldest first."""
        query = sa.select(keys.c.id, keys.c.ends_at).where(
            keys.c.front_end == front_end_id, keys.c.ends_at > self._clock.now()
        )
        with transaction(self._engine) as connection:
            found = connection.execute(query.order_by(keys.c.added_at)).all()
        return tuple((row[0], row[1]) for row in found)

    def forget(self, person_id: str) -> int:
        """Delete every front end of a person; returns how many."""
        mine = sa.select(table.c.id).where(table.c.person_id == person_id)
        with transaction(self._engine) as connection:
            connection.execute(keys.delete().where(keys.c.front_end.in_(mine)))
            gone = connection.execute(table.delete().where(table.c.person_id == person_id))
        return int(gone.rowcount)

    def prune(self) -> int:
        """Delete keys that have ended and ids that are stale; returns how many rows went."""
        with transaction(self._engine) as connection:
            gone = connection.execute(
                keys.delete().where(keys.c.ends_at < self._clock.now() - _DAY)
            )
        return int(gone.rowcount) + self.used.prune()

    def _by_key(self, key_id: str) -> tuple[FrontEnd, PublicKey]:
        with transaction(self._engine) as connection:
            query = sa.select(keys).where(keys.c.id == key_id)
            row = connection.execute(query).mappings().one_or_none()
            if row is None or row["ends_at"] <= self._clock.now():
                raise FrontEndRefused("unknown_key")
            found = self._live(connection, table.c.id == row["front_end"])
        if not found or not hmac.compare_digest(str(row["tag"]), self._key_tagged(row)["tag"]):
            raise FrontEndRefused("front_end")
        try:
            return found[0], PublicKey.of(json.loads(row["jwk"]))
        except (GatehouseError, ValueError) as error:
            raise FrontEndRefused("front_end") from error

    def _add_key(
        self, connection: Connection, front_end_id: str, key: PublicKey, ends_at: float
    ) -> None:
        row = {
            "id": key.id,
            "front_end": front_end_id,
            "jwk": key.jwk,
            "added_at": self._clock.now(),
            "ends_at": ends_at,
        }
        try:
            connection.execute(keys.insert().values(**self._key_tagged(row)))
        except sa.exc.IntegrityError as error:
            raise InvalidInput("this key is registered already", "make a new one") from error

    def _live(self, connection: Connection, condition: Any) -> list[FrontEnd]:
        """What can still be used and is as it was written, oldest first."""
        query = sa.select(table).where(
            condition, table.c.revoked_at.is_(None), table.c.expires_at > self._clock.now()
        )
        rows = connection.execute(query.order_by(table.c.created_at, table.c.id)).mappings()
        return [
            FrontEnd(
                id=row["id"],
                person_id=row["person_id"],
                name=row["name"],
                domain=row["domain"],
                scopes=frozenset(row["scopes"].split()),
                created_at=row["created_at"],
                expires_at=row["expires_at"],
                last_used_at=row["last_used_at"],
                confirmed_with=row["confirmed_with"],
            )
            for row in rows
            if hmac.compare_digest(str(row["tag"]), self._tagged(row)["tag"])
        ]

    def _tagged(self, row: Any) -> dict[str, Any]:
        said = ("id", "person_id", "name", "domain", "scopes")
        times = ("created_at", "expires_at", "revoked_at")
        return {**row, "tag": self._tag("front end", row, said, times)}

    def _key_tagged(self, row: Any) -> dict[str, Any]:
        said = ("id", "front_end", "jwk")
        return {**row, "tag": self._tag("key", row, said, ("added_at", "ends_at"))}

    def _tag(self, kind: str, row: Any, said: Collection[str], times: Collection[str]) -> str:
        values = [None if row[name] is None else repr(float(row[name])) for name in times]
        material = json.dumps([kind, *(row[name] for name in said), *values])
        return hmac.new(self._tag_key, material.encode(), hashlib.sha256).hexdigest()


def no_such_front_end(front_end_id: str) -> InvalidInput:
    """For who names one that is not there, or not any more."""
    return InvalidInput(
        f"there is no front end {front_end_id!r}", "`gatehouse token list` shows all"
    )


def checked_name(name: str) -> str:
    """A name that a person recognises; raises `InvalidInput`."""
    shown = " ".join(name.split())
    if not 1 <= len(shown) <= 40 or not shown.isprintable():
        raise InvalidInput("the name of a front end has 1 to 40 printable characters")
    return shown


def checked_domain(domain: str) -> str:
    """A name of the DNS in lower case; raises `InvalidInput`."""
    if len(domain) > 120 or not _DOMAIN.fullmatch(domain):
        raise InvalidInput(
            "the domain of a front end is a name such as kiosk.example.org",
            "for an app, its identifier the other way round: desk.example.org",
        )
    return domain
