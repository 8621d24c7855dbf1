"""`gatehouse people show` and `sign-out`: what an operator needs while somebody is on the telephone.

Shows what there is and what stands in the way, and no secret: no address, no number, no code.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.identity.throttle import Standing


@click.command("show")
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(username: str, as_json: bool) -> None:
    """What a person has: roles, second factors, open sessions, and what is locked."""
    from gatehouse.cli.people import _person, _runtime

    runtime = _runtime()
    found = _about(runtime, _person(runtime, username))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        for shown in (value or ["none"]) if isinstance(value, list) else [value]:
            click.echo(f"{name.replace('_', ' '):15} {shown}")


@click.command("sign-out")
@click.argument("username", required=False)
@click.option("--everybody", is_flag=True, help="The sessions of all people.")
def sign_out(username: str | None, everybody: bool) -> None:
    """End every session of a person, or of everybody, who may sign in again at once.

    Also ends access tokens; `disable` keeps the person out, `password` gives a new password as well.
    """
    from gatehouse.cli.people import _person, _record, _runtime

    if (username is None) != everybody:
        raise click.UsageError("name a person, or say --everybody")
    runtime = _runtime()
    if username is None:
        runtime.audit.append("administration", operation="people.sign_out_everybody")
        click.echo(f"everybody: {runtime.sessions.close_everybody()} ended", err=True)
        return
    person = _person(runtime, username)
    _record(runtime, person, "people.sign_out")
    ended = runtime.sessions.close_all(person.id)
    click.echo(f"{person.username}: {ended} ended", err=True)


def _about(runtime: Any, person: Person) -> dict[str, Any]:
    from gatehouse.cli.people import _state

    known, other = runtime.step_up.codes_standing(person.id)
    return {
        "user_name": person.username,
        "id": person.id,
        "name": person.display_name,
        "roles": sorted(person.roles),
        "state": _state(person),
        "passwords": _stands(runtime.directory.sign_in_standing(person)),
        "factors": [
            f"{one.name} ({one.kind}), added {_day(one.created_at)}, "
            + (f"used {_day(one.last_used_at)}" if one.last_used_at else "never used")
            + (", suspended" if one.suspended else "")
            for one in runtime.factors.authenticators.of(person.id)
        ],
        "recovery_codes": runtime.recovery.left(person.id),
        "codes": f"{_stands(known)} in known browsers, {_stands(other)} in others",
        "sessions": [
            f"{one.browser or 'unknown browser'}, since {_day(one.started_at)}, "
            f"last active {_day(one.last_seen_at)}"
            for one in runtime.sessions.of_person(person.id)
        ],
        "front_ends": [one.name for one in runtime.front_ends.of_person(person.id)],
    }


def _stands(standing: Standing) -> str:
    if standing.locked:
        return "locked"
    return f"waits {standing.wait:.0f} s" if standing.wait > 0 else "open"


def _day(seconds: float) -> str:
    from gatehouse.clock import as_iso

    return as_iso(seconds)[:16].replace("T", " ")
