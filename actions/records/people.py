"""Who works here, who leads whom, and where people live.

Names are compared here and not by the database, so that nothing that was typed becomes part of a
pattern or a statement. A look-up must never guess: a name that fits several people yields all of
them, and the caller asks.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import checks
from actions.records.interface import RecordNotFound
from actions.records.model import Address, Employee
from actions.records.schema import address, employee
from actions.records.store import Store, inserted, person, reading

MOST_FOUND = 10
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "herr", "frau", "prof"})
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})


class People(Store):
    """The part of the system of record that knows people."""

    def employee(self, employee_id: str) -> Employee:
        with reading(self._engine) as connection:
            person(connection, employee_id)
            return _people(connection, employee.c.employee_id == employee_id)[0]

    def find_people(self, text: str) -> tuple[Employee, ...]:
        if not isinstance(text, str) or not 2 <= len(text.strip()) <= checks.LONGEST_NAME:
            return ()
        with reading(self._engine) as connection:
            everyone = _people(connection, sa.true())
        by_id = [one for one in everyone if one.employee_id == text.strip().upper()]
        return tuple(by_id or _best(everyone, text))[:MOST_FOUND]

    def is_manager_of(self, manager_id: str, employee_id: str) -> bool:
        try:
            with reading(self._engine) as connection:
                manager = person(connection, manager_id)
                report = person(connection, employee_id)
        except RecordNotFound:
            return False
        return bool(report.manager_id == manager.employee_id)

    def team(self, manager_id: str) -> tuple[Employee, ...]:
        with reading(self._engine) as connection:
            person(connection, manager_id)
            return _people(connection, employee.c.manager_id == manager_id)

    def address(self, employee_id: str) -> Address:
        with reading(self._engine) as connection:
            person(connection, employee_id)
            row = connection.execute(
                sa.select(address)
                .where(address.c.employee_id == employee_id)
                .order_by(address.c.id.desc())
                .limit(1)
            ).one_or_none()
        if row is None:
            raise RecordNotFound("There is no home address on record yet.")
        return _as_address(row)

    def change_address(
        self,
        employee_id: str,
        street: str,
        postcode: str,
        city: str,
        request_key: str,
        now: datetime,
    ) -> Address:
        values = {
            "street": checks.street(street),
            "postcode": checks.postcode(postcode),
            "city": checks.city(city),
        }

        def make(connection: Connection, _row: Any) -> int:
            return inserted(
                connection, address, employee_id=employee_id, since=now.date(), **values
            )

        def tell(connection: Connection, record_id: int) -> Address:
            return _as_address(
                connection.execute(sa.select(address).where(address.c.id == record_id)).one()
            )

        result: Address = self._change("address", employee_id, request_key, values, now, make, tell)
        return result


def _people(connection: Connection, condition: Any) -> tuple[Employee, ...]:
    manager = employee.alias()
    query = (
        sa.select(employee, manager.c.first_name.label("mf"), manager.c.last_name.label("ml"))
        .outerjoin(manager, employee.c.manager_id == manager.c.employee_id)
        .where(condition)
        .order_by(employee.c.last_name, employee.c.first_name)
    )
    return tuple(_as_employee(row) for row in connection.execute(query))


def _as_employee(row: Any) -> Employee:
    return Employee(
        employee_id=row.employee_id,
        first_name=row.first_name,
        last_name=row.last_name,
        job_title=row.job_title,
        department=row.department,
        location=row.location,
        employment_type=row.employment_type,
        email=row.email,
        phone=row.phone,
        started_on=row.started_on,
        manager_id=row.manager_id,
        manager_name=f"{row.mf} {row.ml}" if row.manager_id else None,
    )


def _as_address(row: Any) -> Address:
    return Address(row.employee_id, row.street, row.postcode, row.city, row.since)


def _best(everyone: tuple[Employee, ...], text: str) -> list[Employee]:
    """People whose name has a part for each word: all parts, else whole parts, else beginnings."""
    asked = {word for word in _name_parts(text) if word not in _TITLES}
    if sum(map(len, asked)) < 2:
        return []
    names = [
        (one, set(_name_parts(one.name)), set(_name_parts(one.name, umlauts=True)))
        for one in everyone
    ]
    for fits in (set.__eq__, set.__le__, _all_begin):
        found = [one for one, plain, spelt in names if fits(asked, plain) or fits(asked, spelt)]
        if found:
            return found
    return []


def _all_begin(asked: set[str], parts: set[str]) -> bool:
    return all(any(part.startswith(word) for part in parts) for word in asked)


def _name_parts(text: str, *, umlauts: bool = False) -> list[str]:
    """The words of a name without case and accents; with `umlauts`, ä is ae and so on."""
    text = re.sub("['\u2019]s\\b", "", unicodedata.normalize("NFC", text)).casefold()
    text = (text.translate(_UMLAUTS) if umlauts else text).translate(_LETTERS)
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(character)
    )
    return re.findall(r"[^\W\d_]+", plain)
