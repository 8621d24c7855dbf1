"""`gatehouse people link` and `unlink`: who somebody at the OpenID Connect provider is here.

Each change is in the audit log before it is made. A link gives no role and no password.
"""

from __future__ import annotations

import click

from gatehouse.errors import NotReady


@click.command("link")
@click.argument("username")
@click.argument("subject")
def link(username: str, subject: str) -> None:
    """Let whoever the provider calls SUBJECT (the claim `sub`) sign in as a person."""
    from gatehouse.cli.people import _person, _record, _runtime

    runtime = _runtime()
    if runtime.provider is None:
        raise NotReady("there is no provider", "name one in [provider] of gatehouse.toml")
    person = _person(runtime, username)
    _record(runtime, person, "people.link")
    runtime.provider.links.link(subject, person.id)
    click.echo(f"{person.username} is linked", err=True)


@click.command("unlink")
@click.argument("username")
def unlink(username: str) -> None:
    """End the link of a person to the provider, and every session."""
    from gatehouse.cli.people import _person, _record, _runtime, _sign_out
    from gatehouse.identity.provider.links import forget

    runtime = _runtime()
    person = _person(runtime, username)
    _record(runtime, person, "people.unlink")
    linked = forget(runtime.engine, person.id)
    _sign_out(runtime, person)
    click.echo(f"{person.username} {'is no longer' if linked else 'was not'} linked", err=True)
