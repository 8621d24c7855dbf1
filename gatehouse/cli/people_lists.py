"""`gatehouse people import` and `leave`: people who come, change and go.

A list is checked and its changes are shown before any is made. Each change is in the audit log before
it happens; initial passwords go to standard output once and are kept nowhere.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.identity.roster import Entry, Plan

MOST_BYTES = 64 << 20


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--leavers", is_flag=True, help="Whoever is not in the list has left.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def import_people(file: Path, leavers: bool, dry_run: bool) -> None:
    """Bring the directory in line with a CSV list.

    Columns: username, name, roles (separated by spaces), and if you like department, employment_type,
    employee_id. New people get an initial password, printed once as `username<tab>password`, which they
    have to change. People who are not in the list stay as they are, unless --leavers is given; a person
    who was disabled stays disabled.
    """
    from gatehouse.cli.people import _runtime
    from gatehouse.identity.roster import plan, read_roster

    runtime = _runtime()
    directory = runtime.directory
    changes = plan(read_roster(_text(file), directory.roles), directory.people(), leavers=leavers)
    _say(changes)
    if dry_run:
        return
    for entry in changes.new:
        click.echo(f"{entry.username}\t{_add(runtime, entry)}")
    for person, entry in changes.changed:
        _record(runtime, "people.import", person, roles=sorted(entry.roles))
        directory.revise(
            person.id, display_name=entry.display_name, roles=entry.roles,
            department=entry.department, employment_type=entry.employment_type,
            employee_id=entry.employee_id,
        )  # fmt: skip
    for person in changes.left:
        _let_go(runtime, person)


@click.command("leave")
@click.argument("username")
def leave(username: str) -> None:
    """Let a person go: disabled, signed out everywhere, password and second factors forgotten."""
    from gatehouse.cli.people import _person, _runtime

    runtime = _runtime()
    person = _person(runtime, username)
    _let_go(runtime, person)
    click.echo(f"{person.username} has left", err=True)
    click.echo("to come back: `people enable`, `people password`, `people ticket`", err=True)


def _let_go(runtime: Any, person: Person) -> None:
    from gatehouse.stepup.leaving import let_go

    _record(runtime, "people.leave", person)
    let_go(runtime, person.id)


def _add(runtime: Any, entry: Entry) -> str:
    password = secrets.token_urlsafe(18)
    runtime.audit.append("administration", operation="people.import", roles=sorted(entry.roles))
    runtime.directory.add(
        entry.username, entry.display_name, entry.roles, password,
        department=entry.department, employment_type=entry.employment_type,
        employee_id=entry.employee_id,
    )  # fmt: skip
    return password


def _record(runtime: Any, operation: str, person: Person, **facts: Any) -> None:
    runtime.audit.append("administration", operation=operation, person=person.id, **facts)


def _say(changes: Plan) -> None:
    for word, names in (
        ("new", [entry.username for entry in changes.new]),
        ("changed", [person.username for person, _ in changes.changed]),
        ("left", [person.username for person in changes.left]),
    ):
        click.echo(f"{word}: {', '.join(names) or 'nobody'}", err=True)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"the list is larger than {MOST_BYTES >> 20} MiB")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("the list cannot be read", "it has to be UTF-8 text") from error
