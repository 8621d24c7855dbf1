"""The directory: who the people are, which roles they have, and whether a password is theirs.

Roles and the disabled flag are read anew for every message, so a change takes effect on the next
one. Sign-in never tells whether a user name exists: unknown, wrong and disabled cost the same work
and get the same words, and names that nobody has are throttled like those that somebody has.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity import schema
from gatehouse.identity.password_rules import PasswordRefused, check_new_password
from gatehouse.identity.passwords import ARGON2ID_2026, HashProfile, PasswordHasher
from gatehouse.identity.people import (
    ROLES,
    Person,
    checked_role_names,
    checked_roles,
    checked_text,
    checked_username,
    fold_username,
)
from gatehouse.identity.sign_in import SignInGuard, SignInRefused
from gatehouse.identity.throttle import Standing
from gatehouse.identity.transactions import transaction

__all__ = ["Directory", "Person", "SignInRefused"]

_DAY = 86400.0
# Built once: to build a statement takes several times as long as to run it.
_BY_ID = sa.select(schema.people).where(schema.people.c.id == sa.bindparam("of"))

NOBODY = "nobody"
"""Stands in the audit log for whoever has a user name that nobody has."""


class Directory:
    """People in one database; several processes may use it at once.

    `key` (32 bytes) keys the hashes under which sign-in attempts are counted, so that the table
    shows neither addresses nor mistyped names. `roles` is the closed set of roles; `words` are
    names of the organisation that no password may be made of; `breached` says whether a password was
    stolen.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        profile: HashProfile = ARGON2ID_2026,
        *,
        key: bytes = b"",
        roles: Collection[str] = ROLES,
        words: Iterable[str] = (),
        breached: Callable[[str], bool] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._hasher = PasswordHasher(profile)
        self._roles = checked_role_names(roles)
        self._words = tuple(words)
        self._breached = breached
        self._guard = SignInGuard(engine, clock, key)

    @property
    def roles(self) -> frozenset[str]:
        """The closed set of roles of this directory."""
        return self._roles

    def add(
        self,
        username: str,
        display_name: str,
        roles: Iterable[str],
        password: str,
        *,
        department: str = "",
        employment_type: str = "",
        employee_id: str = "",
        must_change_password: bool = True,
        demo: bool = False,
    ) -> Person:
        """Add a person; raises `InvalidInput` when something is not acceptable or the name is taken."""
        name = checked_username(username)
        shown = checked_text(display_name, "the display name", required=True)
        check_new_password(password, (name, shown, *self._words), self._breached)
        now = self._clock.now()
        row = {
            "id": "p-" + secrets.token_hex(6),
            "username": name,
            "display_name": shown,
            "roles": _joined(checked_roles(roles, self._roles)),
            "department": checked_text(department, "the department"),
            "employment_type": checked_text(employment_type, "the employment type", limit=64),
            "employee_id": checked_text(employee_id, "the employee id", limit=64),
            "disabled": False,
            "must_change_password": must_change_password,
            "demo": demo,
            "password_hash": self._hasher.hash(password),
            "password_set_at": now,
            "created_at": now,
        }
        try:
            with transaction(self._engine) as connection:
                connection.execute(schema.people.insert().values(**row))
        except sa.exc.IntegrityError as error:
            raise InvalidInput(f"the user name {name} is taken") from error
        return self._snapshot(row)

    def add_without_password(
        self,
        username: str,
        display_name: str,
        roles: Iterable[str],
        *,
        department: str = "",
        employment_type: str = "",
        employee_id: str = "",
    ) -> Person:
        """Add somebody who signs in elsewhere: the password here is one that nobody knows.

        Raises `InvalidInput` as `add` does, and for an employee id that somebody has.
        """
        if employee_id and self.with_employee_id(employee_id):
            raise InvalidInput("somebody has this employee id already")
        return self.add(
            username,
            display_name,
            roles,
            secrets.token_urlsafe(32),
            department=department,
            employment_type=employment_type,
            employee_id=employee_id,
            must_change_password=False,
        )

    def with_employee_id(self, employee_id: str) -> tuple[Person, ...]:
        """Everybody with this number in the system of record; nobody for an empty one."""
        if not employee_id:
            return ()
        chosen = sa.select(schema.people).where(schema.people.c.employee_id == employee_id)
        with transaction(self._engine) as connection:
            return tuple(self._snapshot(row) for row in connection.execute(chosen).mappings())

    def get(self, person_id: str) -> Person | None:
        """The person with this id as of now, None when there is none."""
        with transaction(self._engine) as connection:
            row = connection.execute(_BY_ID, {"of": person_id}).mappings().one_or_none()
        return None if row is None else self._snapshot(row)

    def by_username(self, username: str) -> Person | None:
        """The person with this user name, whatever its case."""
        folded = fold_username(username)
        return None if folded is None else self._one(schema.people.c.username == folded)

    def named(self, username: object) -> str:
        """The id of the person with this user name, for the audit log; `NOBODY` if nobody has it.

        A log that is asked about a person must show who guessed at the account, and writing it must
        cost the same whether there is one.
        """
        folded = fold_username(username)
        row = self._row(schema.people.c.username == (folded or ""))
        return NOBODY if row is None else str(row["id"])

    def people(self) -> tuple[Person, ...]:
        """Everybody, by user name."""
        with transaction(self._engine) as connection:
            rows = connection.execute(sa.select(schema.people).order_by("username")).mappings()
            return tuple(self._snapshot(row) for row in rows)

    def count_demo(self) -> int:
        """How many people are demonstration accounts."""
        counted = sa.select(sa.func.count()).select_from(schema.people)
        with transaction(self._engine) as connection:
            return int(connection.execute(counted.where(schema.people.c.demo)).scalar_one())

    def set_roles(self, person_id: str, roles: Iterable[str]) -> Person:
        """Replace a person's roles; in force from the next message."""
        return self._update(person_id, roles=_joined(checked_roles(roles, self._roles)))

    def revise(
        self,
        person_id: str,
        *,
        display_name: str,
        roles: Iterable[str],
        department: str,
        employment_type: str,
        employee_id: str,
    ) -> Person:
        """Replace what the directory says about a person; in force from the next message."""
        return self._update(
            person_id,
            display_name=checked_text(display_name, "the display name", required=True),
            roles=_joined(checked_roles(roles, self._roles)),
            department=checked_text(department, "the department"),
            employment_type=checked_text(employment_type, "the employment type", limit=64),
            employee_id=checked_text(employee_id, "the employee id", limit=64),
        )

    def disable(self, person_id: str) -> Person:
        """Keep a person out: no sign-in, and no further message in sessions that are open."""
        return self._update(person_id, disabled=True)

    def enable(self, person_id: str) -> Person:
        """Let a disabled person, or one locked out by wrong passwords, sign in again."""
        person = self._update(person_id, disabled=False)
        self._guard.clear(person.username)
        return person

    def set_password(self, person_id: str, password: str, *, must_change: bool = False) -> Person:
        """Give a person a new password and lift any sign-in lock; raises `PasswordRefused`."""
        person = self._known(person_id)
        context = (person.username, person.display_name, *self._words)
        check_new_password(password, context, self._breached)
        person = self._update(
            person_id,
            password_hash=self._hasher.hash(password),
            password_set_at=self._clock.now(),
            must_change_password=must_change,
        )
        self._guard.clear(person.username)
        return person

    def forget_password(self, person_id: str) -> Person:
        """Put a password that nobody knows in place of a person's, until somebody gives a new one."""
        return self.set_password(person_id, secrets.token_urlsafe(32), must_change=True)

    def check_change(self, person: Person, current: str, new: str) -> None:
        """Raise `PasswordRefused` unless `new` may take the place of the `current` password."""
        if hmac.compare_digest(_digest(current), _digest(new)):
            raise PasswordRefused("unchanged", "the new password is the old one")
        context = (person.username, person.display_name, *self._words)
        check_new_password(new, context, self._breached)

    def check_password(
        self, username: object, password: object, *, source: str = "", device: str = ""
    ) -> Person:
        """The person who has this name and password, and is not disabled.

        Raises `SignInRefused`, with the same words and work for an unknown name, a wrong password
        and a disabled person. `source` is where the attempt comes from, such as an address;
        `device` is the id of a browser that this name is known in.
        """
        folded = fold_username(username)
        with self._guard.attempt(folded, source, device) as attempt:
            row = None if folded is None else self._row(schema.people.c.username == folded)
            stored = None if row is None else str(row["password_hash"])
            right = self._hasher.verify(stored, password)
            if row is None or not right or row["disabled"]:
                raise SignInRefused("credentials")
            attempt.succeed()
        if stored is not None and self._hasher.is_outdated(stored):
            self._rehash(str(row["id"]), stored, str(password))
        return self._snapshot(row)

    def sign_in_standing(self, person: Person) -> Standing:
        """Whether wrong passwords keep the person waiting, or locked, in a browser that is not known."""
        return self._guard.standing(person.username)

    def prune(self) -> int:
        """Forget sign-in attempts older than a day under names that nobody has."""
        names = [person.username for person in self.people()]
        return self._guard.prune(self._clock.now() - _DAY, names)

    def _rehash(self, person_id: str, stored: str, password: str) -> None:
        table = schema.people
        renewed = self._hasher.hash(password)
        with transaction(self._engine) as connection:
            connection.execute(
                table.update()
                .where(table.c.id == person_id, table.c.password_hash == stored)
                .values(password_hash=renewed)
            )

    def _update(self, person_id: str, **values: Any) -> Person:
        table = schema.people
        with transaction(self._engine) as connection:
            connection.execute(table.update().where(table.c.id == person_id).values(**values))
        return self._known(person_id)

    def _known(self, person_id: str) -> Person:
        person = self.get(person_id)
        if person is None:
            raise InvalidInput("there is no such person", "`gatehouse people list` shows everybody")
        return person

    def _one(self, condition: Any) -> Person | None:
        row = self._row(condition)
        return None if row is None else self._snapshot(row)

    def _row(self, condition: Any) -> Any:
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(schema.people).where(condition))
            return found.mappings().one_or_none()

    def _snapshot(self, row: Any) -> Person:
        # A role that the closed set no longer has gives no rights, whatever the table says.
        roles = frozenset(row["roles"].split()) & self._roles
        return Person(
            id=row["id"],
            username=row["username"],
            display_name=row["display_name"],
            roles=roles,
            department=row["department"],
            employment_type=row["employment_type"],
            employee_id=row["employee_id"],
            disabled=bool(row["disabled"]),
            must_change_password=bool(row["must_change_password"]),
            demo=bool(row["demo"]),
        )


def _joined(roles: frozenset[str]) -> str:
    return " ".join(sorted(roles))


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
