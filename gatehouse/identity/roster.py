"""People from a file: what a list of the organisation changes in the directory.

The file is read and checked as a whole before anything is changed; a list with one mistake changes
nobody. A name that is not in it is left alone unless leavers are asked for, because a list may be of one
department. Never reads or writes a password.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gatehouse.errors import InvalidInput
from gatehouse.identity.people import Person, checked_roles, checked_text, checked_username

COLUMNS = ("username", "name", "roles", "department", "employment_type", "employee_id")
REQUIRED = COLUMNS[:3]
MOST_ROWS = 100_000
MOST_MISTAKES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of the list."""

    username: str
    display_name: str = field(repr=False)
    roles: frozenset[str]
    department: str = field(repr=False)
    employment_type: str = field(repr=False)
    employee_id: str = field(repr=False)

    def differs_from(self, person: Person) -> bool:
        """Whether the directory says something else about this person."""
        mine = (self.display_name, self.roles, self.department, self.employment_type)
        theirs = (person.display_name, person.roles, person.department, person.employment_type)
        return (*mine, self.employee_id) != (*theirs, person.employee_id)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list changes: who is new, who changes, who left."""

    new: tuple[Entry, ...]
    changed: tuple[tuple[Person, Entry], ...]
    left: tuple[Person, ...]


def read_roster(text: str, roles: Collection[str]) -> tuple[Entry, ...]:
    """The people in `text` (CSV with a heading; roles separated by spaces).

    Raises `InvalidInput` that names the lines of the mistakes.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        heading = reader.fieldnames or ()
        _check_heading(heading)
        found: dict[str, Entry] = {}
        mistakes: list[InvalidInput] = []
        for row in reader:
            if len(found) >= MOST_ROWS:
                raise InvalidInput(f"the list has more than {MOST_ROWS} people")
            try:
                entry = _entry(row, reader.line_num, roles)
                if entry.username in found:
                    raise InvalidInput(f"line {reader.line_num}: {entry.username} is there twice")
                found[entry.username] = entry
            except InvalidInput as mistake:
                mistakes.append(mistake)
    except csv.Error as error:
        raise InvalidInput(f"line {reader.line_num}: this is not CSV: {error}") from error
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        named = [one.message for one in mistakes[:MOST_MISTAKES]]
        raise InvalidInput(f"the list has {len(mistakes)} mistakes", *named)
    return tuple(found.values())


def plan(entries: Iterable[Entry], people: Iterable[Person], *, leavers: bool) -> Plan:
    """What `entries` change among `people`; with `leavers`, whoever is not listed has left."""
    known = {person.username: person for person in people}
    listed = {entry.username: entry for entry in entries}
    return Plan(
        new=tuple(entry for name, entry in listed.items() if name not in known),
        changed=tuple(
            (known[name], entry)
            for name, entry in listed.items()
            if name in known and entry.differs_from(known[name])
        ),
        left=tuple(
            person
            for name, person in known.items()
            if leavers and name not in listed and not person.disabled
        ),
    )


def _check_heading(heading: Iterable[str]) -> None:
    names = list(heading)
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown or len(set(names)) != len(names):
        raise InvalidInput(
            "the heading of the list is not right",
            f"columns are {', '.join(COLUMNS)}; the first three are needed",
        )


def _entry(row: dict[str, str | None], line: int, roles: Collection[str]) -> Entry:
    if None in row or None in row.values():
        raise InvalidInput(f"line {line}: it has more or fewer columns than the heading")
    cells = {name: row.get(name) or "" for name in COLUMNS}
    try:
        return Entry(
            username=checked_username(cells["username"]),
            display_name=checked_text(cells["name"], "the name", required=True),
            roles=checked_roles(cells["roles"].split(), roles),
            department=checked_text(cells["department"], "the department"),
            employment_type=checked_text(cells["employment_type"], "the employment type", limit=64),
            employee_id=checked_text(cells["employee_id"], "the employee id", limit=64),
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {line}: {error.message}", *error.hints) from error
