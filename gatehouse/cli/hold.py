"""`gatehouse hold`: legal holds, put by two named persons who each prove who they are.

Both need the role of `retention.hold_role`, their password and a code that is bound to this one
thing; neither is ever an argument. What they do is in the audit log before it happens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.people import asked_password
from gatehouse.cli.tracker import deployment, find_person, put
from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.runtime import Runtime
    from gatehouse.tracker.hold_book import Hold

_by = click.option(
    "--by", "by", required=True, help="User name of who does this; asked for password and code."
)


@click.group()
def hold() -> None:
    """Keep conversations from dying, for a legal reason, by two persons."""


@hold.command()
@click.argument("username")
@_by
@click.option("--reason", required=True, help="Shown to the person, unless a law forbids it.")
@click.option("--undisclosed", default="", help="The law that forbids to tell the person.")
def propose(username: str, by: str, reason: str, undisclosed: str) -> None:
    """Ask for a hold on a person's present conversations.

    They are kept from now on for a day, in which a second person has to approve. Later conversations
    need a hold of their own.
    """
    runtime = deployment()
    person = find_person(runtime, username)
    holder = _holder(runtime, by, "propose_hold", person.username)
    made = runtime.holds.propose(person.id, holder.id, reason, undisclosed)
    click.echo(made.id)
    click.echo(f"{len(made.handles)} conversations kept; a second person has to approve", err=True)


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@_by
def approve(hold_id: str, by: str) -> None:
    """Agree to a hold, as the second person."""
    runtime = deployment()
    runtime.holds.approve(hold_id, _holder(runtime, by, "approve_hold", hold_id).id)
    click.echo("the hold is in force", err=True)


@hold.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def list_holds(as_json: bool) -> None:
    """Every hold there is or was; exit code 5 when the row of one was altered."""
    from gatehouse.tracker.errors import TrackerTampered

    runtime = deployment()
    found, altered = runtime.holds.readable()
    lines = [_shown(runtime, one) for one in found]
    lines += [{**dict.fromkeys(_COLUMNS), "id": one, "state": "altered"} for one in altered]
    for shown in lines:
        columns = ("" if shown[key] is None else str(shown[key]) for key in _COLUMNS)
        click.echo(json.dumps(shown) if as_json else "\t".join(columns))
    if altered:
        raise TrackerTampered("hold_altered")


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@_by
@click.option("--output", type=click.Path(path_type=Path), help="A new file instead of stdout.")
def read(hold_id: str, by: str, output: Path | None) -> None:
    """What is held, as JSON; for one of the two holders."""
    from gatehouse.clock import as_iso
    from gatehouse.tracker.transcript import words_of

    runtime = deployment()
    found = runtime.holds.read(hold_id, _holder(runtime, by, "read_hold", hold_id).id)
    document = [
        {
            "started_at": as_iso(head.started_at),
            "last_message_at": as_iso(head.last_message_at),
            "messages": [
                {"from": said["from"], "text": said["text"], "at": as_iso(said["at"])}
                for said in words_of(events)
            ],
        }
        for head, events in found
    ]
    put(json.dumps(document, indent=2, ensure_ascii=False) + "\n", output)


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@_by
def release(hold_id: str, by: str) -> None:
    """End a hold; what is over dies at once."""
    runtime = deployment()
    runtime.holds.release(hold_id, _holder(runtime, by, "release_hold", hold_id).id)
    click.echo("the hold is released", err=True)


_COLUMNS = ("id", "state", "person", "conversations", "since", "holders", "reason")


def _shown(runtime: Runtime, one: Hold) -> dict[str, Any]:
    from gatehouse.clock import as_iso

    def named(person_id: str) -> str:
        found = runtime.directory.get(person_id)
        return found.username if found else person_id

    holders = [named(who) for who in (one.proposed_by, one.approved_by) if who]
    return {
        "id": one.id,
        "state": one.state,
        "person": named(one.person_id),
        "conversations": len(one.handles),
        "since": as_iso(one.approved_at or one.proposed_at),
        "holders": ", ".join(holders),
        "reason": one.reason,
        "undisclosed": one.undisclosed,
    }


def _holder(runtime: Runtime, username: str, doing: str, what: str) -> Person:
    """The person who does this, proven by password and by a code for this one thing."""
    from gatehouse.approval import Approver

    role = runtime.settings.retention.hold_role
    if role not in find_person(runtime, username).roles:
        raise InvalidInput(
            f"{username} may not hold conversations",
            f"it takes the role {role}; [retention] hold_role names another",
        )
    prover = Approver(lambda: runtime.directory, runtime.step_up, role, runtime.audit.append)
    return prover.prove(
        username,
        asked_password(confirm=False),
        lambda: str(click.prompt("Code from the app", err=True)),
        doing,
        what,
    )
