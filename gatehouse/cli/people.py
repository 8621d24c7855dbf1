"""`gatehouse people`: who may sign in, with which roles.

A password is never an argument, because command lines are visible to every user of a machine: it
comes from a prompt, or from the file that GATEHOUSE_PASSWORD_FILE names. Every change is written to
the audit log before it is made.
"""

from __future__ import annotations

import getpass
import os
import warnings
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.cli.people_lists import import_people, leave
from gatehouse.cli.people_show import show, sign_out
from gatehouse.cli.provider import link, unlink
from gatehouse.errors import GatehouseError, InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.runtime import Runtime

PASSWORD_FILE = "GATEHOUSE_PASSWORD_FILE"
_LONGEST_FILE = 4096
_NAME_A_FILE = f"name a file that holds it in {PASSWORD_FILE}"


@click.group()
def people() -> None:
    """Manage who may sign in."""


people.add_command(import_people)
people.add_command(leave)
people.add_command(link)
people.add_command(unlink)
people.add_command(show)
people.add_command(sign_out)


class _WithRoles(click.Command):
    """A command whose help lists the roles of this deployment, when there is one."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        names = _role_names()
        if names:
            with formatter.section("Roles"):
                formatter.write_text(", ".join(names))


@people.command("add", cls=_WithRoles)
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
    """Add a person. The initial password has to be changed at the first sign-in.

    It is asked for, or read from the file that GATEHOUSE_PASSWORD_FILE names.
    """
    from gatehouse.identity.people import checked_roles

    runtime = _runtime()
    checked_roles(roles, runtime.directory.roles)
    password = asked_password(confirm=True)
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
    _remind(runtime, person)


def _remind(runtime: Runtime, person: Person) -> None:
    """The matrix of the policies is that of accounts with all roles that come with theirs."""
    usual = runtime.policies.current().vocabulary.comes_with
    missing = sorted(
        frozenset[str]().union(*(usual.get(one, frozenset()) for one in person.roles))
        - person.roles
    )
    if missing:
        click.echo(f"note: such accounts usually have, too: {', '.join(missing)}", err=True)


@people.command("list")
def list_people() -> None:
    """Everybody, one per line: user name, id, roles, state, separated by tabs."""
    for person in _runtime().directory.people():
        roles = ",".join(sorted(person.roles))
        click.echo("\t".join((person.username, person.id, roles, _state(person))))


@people.command("role", cls=_WithRoles)
@click.argument("username")
@click.argument("roles", nargs=-1, required=True)
def role(username: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a person; in force from the next message."""
    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.role", roles=sorted(set(roles)))
    changed = runtime.directory.set_roles(person.id, roles)
    click.echo(f"{changed.username}: {', '.join(sorted(changed.roles))}", err=True)
    _remind(runtime, changed)


@people.command("password")
@click.argument("username")
@click.option("--keep", is_flag=True, help="Do not ask for a change at the next sign-in.")
def password(username: str, keep: bool) -> None:
    """Give a person a new password, lift a sign-in lock and end the person's sessions.

    It is asked for, or read from the file that GATEHOUSE_PASSWORD_FILE names.
    """
    runtime = _runtime()
    person = _person(runtime, username)
    chosen = asked_password(confirm=True)
    _record(runtime, person, "people.password")
    runtime.directory.set_password(person.id, chosen, must_change=not keep)
    _sign_out(runtime, person)
    runtime.factors.notices.tell(person.id, "An administrator gave you a new password.")
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
def factor(username: str) -> None:
    """Set up a person's first authenticator app, with the person present.

    Prints the secret address for the app, which is active after one good code, then recovery codes, one
    per line; none of them can be shown again.
    """
    runtime = _runtime()
    person = _person(runtime, username)
    _require_none(runtime, person)
    _record(runtime, person, "people.factor")
    enrolment = runtime.totp.enrol(person.id, person.username)
    click.echo(enrolment.uri)
    runtime.totp.confirm(person.id, click.prompt("Code from the app", type=str, err=True))
    _record(runtime, person, "people.recovery")
    for code in runtime.recovery.issue(person.id):
        click.echo(code)
    click.echo(f"{person.username} has an authenticator and recovery codes", err=True)


@people.command("reset-factors")
@click.argument("username")
@click.option("--by", default="", help="Your own user name, to stand for it; takes two of you.")
@click.option("--alone", is_flag=True, help="Without a second operator; everybody is told.")
def reset_factors(username: str, by: str, alone: bool) -> None:
    """Remove every second factor of a person who lost them.

    The first operator proposes it, another one carries it out within a day, each proven by password and
    code; the role is step_up.reset_role. With --alone it happens at once, and log, alerts and the person
    say so.
    """
    from gatehouse.approval import Approver

    if bool(by) == alone:
        raise click.UsageError("say who you are with --by, or --alone")
    runtime = _runtime()
    person = _person(runtime, username)
    if alone:
        runtime.factors.resets.alone(person.id)
    else:
        role = runtime.settings.step_up.reset_role
        record = runtime.audit.append
        setting = "[step_up] reset_role"
        prover = Approver(lambda: runtime.directory, runtime.step_up, role, record, setting)
        operator = prover.prove(
            by,
            asked_password(confirm=False),
            lambda: str(click.prompt("Your code", err=True)),
            "reset_factors",
            person.id,
        )
        done = runtime.factors.resets.stand_for(
            person.id, operator.id, lambda other: prover.name_of(other) is not None
        )
        if not done:
            click.echo("proposed; a second operator runs the same command within a day", err=True)
            return
    _sign_out(runtime, person)
    click.echo(f"{person.username} has no second factor; `people ticket` lets them begin", err=True)


@people.command("ticket")
@click.argument("username")
def ticket(username: str) -> None:
    """Let a person without a second factor set up the first one in the chat page.

    Prints a ticket, good once within a day, that the page asks for; give it to nobody else.
    """
    runtime = _runtime()
    person = _person(runtime, username)
    if person.disabled:
        raise InvalidInput(f"{person.username} is disabled", "`gatehouse people enable` first")
    _record(runtime, person, "people.ticket")
    click.echo(runtime.factors.tickets.issue(person.id))


@people.command("recovery")
@click.argument("username")
def recovery(username: str) -> None:
    """Give a person without a second factor recovery codes, in place of all former ones.

    Prints them, one per line; they cannot be shown again.
    """
    runtime = _runtime()
    person = _person(runtime, username)
    _require_none(runtime, person)
    _record(runtime, person, "people.recovery")
    for code in runtime.recovery.issue(person.id):
        click.echo(code)
    click.echo(f"{person.username} has new recovery codes; the former ones are void", err=True)


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


def _require_none(runtime: Any, person: Person) -> None:
    """Who has a second factor gets no other from an operator: that would be a reset."""
    if runtime.factors.tickets.has_factor(person.id):
        raise InvalidInput(
            "this person already has a second factor",
            "they change it in the chat page; `gatehouse people reset-factors` if it is lost",
        )


def _record(runtime: Any, person: Person, operation: str, **facts: Any) -> None:
    runtime.audit.append("administration", operation=operation, person=person.id, **facts)


def _sign_out(runtime: Any, person: Person) -> None:
    runtime.sessions.close_all(person.id)


def asked_password(*, confirm: bool) -> str:
    """A password from the file that the environment names, or else from the terminal."""
    named = os.environ.get(PASSWORD_FILE)
    if not named:
        return _typed_password(confirm)
    try:
        with open(named, encoding="utf-8") as file:
            text = file.read(_LONGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{PASSWORD_FILE}: the file cannot be read") from error
    return text.removesuffix("\n").removesuffix("\r")


def _typed_password(confirm: bool) -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal Python would warn and then read what everybody may see.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    except getpass.GetPassWarning as error:
        raise InvalidInput("there is no terminal to ask for a password", _NAME_A_FILE) from error
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise
        raise InvalidInput("no password was given", _NAME_A_FILE) from abort
    return str(text)


def _role_names() -> list[str]:
    """The roles that the policies know, in order; none when they cannot be read."""
    from gatehouse.policy import load_directory, read_domain
    from gatehouse.settings import load_settings

    try:
        settings = load_settings(home_directory())
        domain = read_domain(settings.path("domain.yml"))
        directory = settings.path(settings.policy.directory)
        return sorted(load_directory(directory, domain, settings.policy.time_zone).roles)
    except GatehouseError:
        return []


def _state(person: Person) -> str:
    if person.disabled:
        return "disabled"
    return "must change password" if person.must_change_password else "active"
