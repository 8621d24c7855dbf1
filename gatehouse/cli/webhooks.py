"""`gatehouse webhooks`: secrets for other systems, and whether they can be reached.

Prints a secret only when it makes one; everything else names endpoints and never their keys.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gatehouse.webhooks import Endpoints


@click.group("webhooks")
def webhooks() -> None:
    """Signed messages to and from other systems."""


@webhooks.command("secret")
def secret() -> None:
    """Make a new secret for one endpoint; print it.

    Save it to a file of mode 0600 and name the file first in `secrets` of webhooks.toml. Give it to
    the other system, and take the old one out once both use the new one.
    """
    import os

    from gatehouse.webhooks.signature import write_secret

    click.echo(write_secret(os.urandom(32)))


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_endpoints(as_json: bool) -> None:
    """Check webhooks.toml and show what it names."""
    found = _endpoints()
    rows = [
        {
            "direction": "outgoing",
            "name": name,
            "where": target.url,
            "addresses": [str(network) for network in target.addresses] or ["any public"],
            "secrets": len(target.keys),
        }
        for name, target in found.outgoing.items()
    ] + [
        {
            "direction": "incoming",
            "name": name,
            "where": f"/api/v1/hooks/{name}",
            "addresses": [str(network) for network in source.addresses] or ["any"],
            "secrets": len(source.keys),
            "kinds": sorted(source.kinds),
        }
        for name, source in found.incoming.items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("no webhooks are named", err=True)
    for row in rows:
        addresses = ", ".join(map(str, row["addresses"]))  # type: ignore[call-overload]
        kinds = f"  takes {', '.join(row['kinds'])}" if "kinds" in row else ""  # type: ignore[arg-type]
        click.echo(f"{row['direction']:9} {row['name']:16} {row['where']}  ({addresses}){kinds}")


@webhooks.command("ping")
@click.argument("name")
def ping(name: str) -> None:
    """Send a message of kind `ping` to the outgoing endpoint NAME and say what came of it."""
    from gatehouse.clock import SystemClock
    from gatehouse.webhooks import Outgoing

    delivery = Outgoing(_endpoints().outgoing, SystemClock()).deliver(name, "ping", {}, within=10)
    click.echo(f"taken with status {delivery.status} after {delivery.attempts} attempts")


def _endpoints() -> Endpoints:
    from gatehouse.cli.home import home_directory
    from gatehouse.settings import load_settings
    from gatehouse.webhooks import read_endpoints

    settings = load_settings(home_directory())
    return read_endpoints(settings.path(settings.webhooks.file))
