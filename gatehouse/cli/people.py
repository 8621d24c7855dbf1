"""`gatehouse people`: who may sign in, with which roles.

A password is never an argument, because command lines are visible to every user of a machine: it
comes from a prompt, or from the file that GATEHOUSE_PASSWORD_FILE names. Every change is written to
the audit log before it is made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity import Person

PASSWORD_FILE = "GATEHOUSE_PASSWORD_FILE"
_LONGEST_FILE = 4096


@click.group()
def people() -> None:
    """Manage who may sign in."""


@people.command("add")
@click.argument("username")
@click.option("--name", required=True, help="Name as people write it.")
@click.option("--role", "roles", multiple=True, required=True, help="A role; may be repeated.")
@click.option("--department", default="", help="Department, for rules that name one.")
@click.option("--employment-type", default="", help="Such as permanent or contractor.")
@click.option("--employee-id", default="", help="Number in the system of record.")
@click.option("--keep-password", is_flag=True, help="Do not ask for a change at first sign-in.")
def add(
    username: str,
    name: str,
    roles: tuple[str, ...],
    department: str,
    employment_type: str,
    employee_id: str,
    keep_password: bool,
) -> None:
    """Add a person. The initial password has to be changed at the first sign-in."""
    runtime = _runtime()
    password = _password()
    runtime.audit.append("administration", operation="people.add", roles=sorted(set(roles)))
    person = runtime.directory.add(
        username,
        name,
        roles,
        password,
        department=department,
        employment_type=employment_type,
        employee_id=employee_id,
        must_change_password=not keep_password,
    )
    runtime.audit.append("administration", operation="people.added", person=person.id)
    click.echo(f"added {person.username} ({person.id})", err=True)


@people.command("list")
def list_people() -> None:
    """Everybody, one per line: user name, id, roles, state, separated by tabs."""
    for person in _runtime().directory.people():
        roles = ",".join(sorted(person.roles))
        click.echo("\t".join((person.username, person.id, roles, _state(person))))


@people.command("role")
@click.argument("username")
@click.argument("roles", nargs=-1, required=True)
def role(username: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a person; in force from the next message."""
    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.role", roles=sorted(set(roles)))
    changed = runtime.directory.set_roles(person.id, roles)
    click.echo(f"{changed.username}: {', '.join(sorted(changed.roles))}", err=True)


@people.command("password")
@click.argument("username")
@click.option("--keep", is_flag=True, help="Do not ask for a change at the next sign-in.")
def password(username: str, keep: bool) -> None:
    """Give a person a new password, lift a sign-in lock and end the person's sessions."""
    runtime = _runtime()
    person = _person(runtime, username)
    chosen = _password()
    _record(runtime, person, "people.password")
    runtime.directory.set_password(person.id, chosen, must_change=not keep)
    _sign_out(runtime, person)
    click.echo(f"{person.username} has a new password", err=True)


@people.command("disable")
@click.argument("username")
def disable(username: str) -> None:
    """Keep a person out at once, open sessions included."""
    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.disable")
    runtime.directory.disable(person.id)
    _sign_out(runtime, person)
    click.echo(f"{person.username} is disabled", err=True)


@people.command("enable")
@click.argument("username")
def enable(username: str) -> None:
    """Let a disabled or locked-out person sign in again."""
    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.enable")
    runtime.directory.enable(person.id)
    click.echo(f"{person.username} is enabled", err=True)


@people.command("factor")
@click.argument("username")
@click.option("--replace", is_flag=True, help="Remove the authenticator that the person has.")
def factor(username: str, replace: bool) -> None:
    """Set up a person's authenticator app, with the person present.

    Prints the secret address for the app; it is active after one good code.
    """
    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.factor", replace=replace)
    if replace:
        runtime.totp.remove(person.id)
    enrolment = runtime.totp.enrol(person.id, person.username)
    click.echo(enrolment.uri)
    runtime.totp.confirm(person.id, click.prompt("Code from the app", type=str, err=True))
    click.echo(f"{person.username} has an authenticator", err=True)


def _runtime() -> Any:
    from gatehouse.runtime import open_runtime

    return open_runtime(home_directory())


def _person(runtime: Any, username: str) -> Person:
    person: Person | None = runtime.directory.by_username(username)
    if person is None:
        raise InvalidInput(
            f"there is no person with the user name {username!r}",
            "`gatehouse people list` shows everybody",
        )
    return person


def _record(runtime: Any, person: Person, operation: str, **facts: Any) -> None:
    runtime.audit.append("administration", operation=operation, person=person.id, **facts)


def _sign_out(runtime: Any, person: Person) -> None:
    runtime.sessions.close_all(person.id)


def _password() -> str:
    """A password from the file that the environment names, or else from the terminal."""
    named = os.environ.get(PASSWORD_FILE)
    if not named:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        with open(named, encoding="utf-8") as file:
            text = file.read(_LONGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{PASSWORD_FILE}: the file cannot be read") from error
    return text.removesuffix("\n").removesuffix("\r")


def _state(person: Person) -> str:
    if person.disabled:
        return "disabled"
    return "must change password" if person.must_change_password else "active"
