"""`gatehouse token`: front ends of people's own, their keys, and their access tokens.

Takes certificate requests, from files: they show that whoever made one holds its key, and no secret of a
front end ever comes here. Every change is written to the
audit log before it is made, and ends with the next message what it takes away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity.front_ends import FrontEnd, PublicKey

_MOST_BYTES = 4096
_key_option = click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    help="File with a certificate request (PEM) that its Ed25519 or P-256 key signed for the domain.",
)


@click.group("token")
def token() -> None:
    """Front ends that are no browser, and their access tokens."""


@token.command("register")
@click.argument("username")
@click.option("--name", required=True, help="What the person calls it.")
@click.option("--domain", required=True, help="Where it lives, such as kiosk.example.org.")
@_key_option
@click.option(
    "--scope", "scopes", multiple=True, help="chat (the default), history, export; repeat for more."
)
@click.option("--for", "lasting", default="", help="How long it may be used, such as 30d.")
def register(
    username: str, name: str, domain: str, key_file: Path, scopes: tuple[str, ...], lasting: str
) -> None:
    """Register a front end of USERNAME; print its id.

    It gets an access token for its key and a second factor of the person, and only until it ends.
    """
    from gatehouse.identity.front_ends import LEAST, checked_scopes
    from gatehouse.settings import parse_duration

    runtime = _runtime()
    key, granted = _key(key_file, domain), checked_scopes(scopes or LEAST)
    longest = runtime.settings.front_ends.key
    lifetime = parse_duration(lasting, "--for") if lasting else longest
    if lifetime > longest:
        raise InvalidInput(
            f"--for: {lasting} is longer than front_ends.key allows", "name a shorter time"
        )
    person = runtime.directory.by_username(username)
    if person is None:
        raise InvalidInput(
            f"there is no person with the user name {username!r}",
            "`gatehouse people list` shows everybody",
        )
    _record(runtime, person.id, "front_end.register", scopes=sorted(granted))
    made = runtime.front_ends.register(person.id, name, domain, granted, key, lifetime)
    runtime.notices.tell(person.id, made.told("was registered for your account"))
    click.echo(made.id)
    click.echo(f"{made.name} of {username} is registered until {_day(made.expires_at)}", err=True)


@token.command("list")
@click.argument("username", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_front_ends(username: str | None, as_json: bool) -> None:
    """Every front end that can be used, or those of USERNAME: keys, tokens, last use."""
    runtime = _runtime()
    names = {person.id: person.username for person in runtime.directory.people()}
    found = [
        one
        for one in runtime.front_ends.of_person()
        if username is None or names.get(one.person_id) == username.casefold()
    ]
    rows = [_row(runtime, one, names.get(one.person_id, "")) for one in found]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("no front end is registered", err=True)
    for row in rows:
        used = row["last_used"] or "never used"
        scopes = ",".join(row["scopes"])
        click.echo(
            f"{row['id']}  {row['username']:16} {row['domain']:24} {scopes:20} "
            f"tokens {row['tokens']}, keys {len(row['keys'])}, until {row['until']}, {used}  {row['name']}"
        )


@token.command("rotate")
@click.argument("front_end")
@_key_option
@click.option("--overlap", default="", help="How long former keys go on; front_ends.overlap.")
@click.option("--at-once", is_flag=True, help="End former keys, and tokens, now.")
def rotate(front_end: str, key_file: Path, overlap: str, at_once: bool) -> None:
    """Give the front end FRONT_END a new key."""
    from gatehouse.settings import parse_duration

    runtime = _runtime()
    found = _front_end(runtime, front_end)
    key = _key(key_file, found.domain)
    seconds = (
        parse_duration(overlap, "--overlap") if overlap else runtime.settings.front_ends.overlap
    )
    _record(runtime, found.person_id, "front_end.rotate", front_end=found.id)
    former = runtime.front_ends.rotate(found.id, key, 0 if at_once else seconds)
    runtime.notices.tell(found.person_id, found.told("has a new key"))
    if at_once:
        runtime.sessions.close_front_end(found.id)
    click.echo(f"{found.name} has a new key; {former} before it end", err=True)


@token.command("revoke")
@click.argument("front_end", required=False)
@click.option("--person", "username", help="Revoke every front end of this user name.")
@click.option("--tokens", is_flag=True, help="End access tokens only; the front end stays.")
def revoke(front_end: str | None, username: str | None, tokens: bool) -> None:
    """End the front end FRONT_END, or all of a person; with its tokens, at the next message."""
    if (front_end is None) == (username is None):
        raise click.UsageError("name one front end, or --person")
    runtime = _runtime()
    for one in _chosen(runtime, front_end, username):
        operation = "front_end.tokens" if tokens else "front_end.revoke"
        _record(runtime, one.person_id, operation, front_end=one.id)
        if not tokens:
            runtime.front_ends.revoke(one.id)
        ended = runtime.sessions.close_front_end(one.id)
        what = "tokens" if tokens else "the front end and tokens"
        click.echo(f"{one.name}: {what} ended ({ended} open)", err=True)


def _chosen(runtime: Any, front_end: str | None, username: str | None) -> list[FrontEnd]:
    if front_end is not None:
        return [_front_end(runtime, front_end)]
    person = runtime.directory.by_username(username)
    if person is None:
        raise InvalidInput(f"there is no person with the user name {username!r}")
    return list(runtime.front_ends.of_person(person.id))


def _front_end(runtime: Any, front_end: str) -> FrontEnd:
    from gatehouse.identity.front_ends.registry import no_such_front_end

    found: FrontEnd | None = runtime.front_ends.get(front_end)
    if found is None:
        raise no_such_front_end(front_end)
    return found


def _row(runtime: Any, front_end: FrontEnd, username: str) -> dict[str, Any]:
    sessions = runtime.sessions.of_person(front_end.person_id)
    return {
        "id": front_end.id,
        "username": username,
        "name": front_end.name,
        "domain": front_end.domain,
        "scopes": sorted(front_end.scopes),
        "until": _day(front_end.expires_at),
        "last_used": _day(front_end.last_used_at) if front_end.last_used_at else None,
        "keys": [
            {"id": key_id, "until": _day(ends_at)}
            for key_id, ends_at in runtime.front_ends.keys_of(front_end.id)
        ],
        "tokens": sum(
            one.terms is not None and one.terms.front_end == front_end.id for one in sessions
        ),
    }


def _key(file: Path, domain: str) -> PublicKey:
    from gatehouse.identity.front_ends import PublicKey

    try:
        with file.open("rb") as opened:
            return PublicKey.held(opened.read(_MOST_BYTES), domain)
    except OSError as error:
        raise InvalidInput(f"--key: {file} cannot be read") from error


def _day(seconds: float) -> str:
    from gatehouse.clock import as_iso

    return as_iso(seconds)[:16].replace("T", " ")


def _record(runtime: Any, person_id: str, operation: str, **facts: Any) -> None:
    runtime.audit.append(
        "administration", operation=operation, person=person_id, by="operator", **facts
    )


def _runtime() -> Any:
    from gatehouse.runtime import open_runtime

    return open_runtime(home_directory())
