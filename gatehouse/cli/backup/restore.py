"""`gatehouse backup restore`: put a backup into an empty place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import click

from gatehouse.cli.backup.common import json_option, latest, place_option, progress, warn
from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    from pathlib import Path

    from gatehouse.backup.restoring import Restored
    from gatehouse.settings import Settings


@click.command()
@click.argument("backup", required=False)
@click.option(
    "--accounts",
    type=click.Choice(["open", "closed"]),
    help="When the audit log is lost too and cannot tell what changed since.",
)
@place_option
@json_option
def restore(
    backup: str | None, accounts: Literal["open", "closed"] | None, place: str, as_json: bool
) -> None:
    """Put BACKUP, or the latest one, where the settings say, if nothing is there.

    When a later one was made than those that are there, BACKUP has to be named. Needs the key ring and its root in place (`gatehouse keys restore`). Nobody stays signed in, what
    expired or was erased since does not come back, and accounts that changed since are closed. Stop
    every server first.
    """
    from gatehouse.backup.restoring import restore as run
    from gatehouse.backup.shelf import Shelf
    from gatehouse.backup.targets import open_target
    from gatehouse.clock import SystemClock
    from gatehouse.keys import open_ring
    from gatehouse.settings import load_settings

    home, clock = _home(), SystemClock()
    settings = load_settings(home)
    target = open_target(settings, place)
    ring = open_ring(settings, clock)
    try:
        shelf = Shelf(target, ring)
        shelf.require_marked()
        with progress("restore") as shown:
            chosen = backup or latest(shelf, lenient=False)
            done = run(settings, clock, ring, target, chosen, shown, accounts)
    finally:
        ring.close()
    click.echo(json.dumps(_facts(done)) if as_json else _text(done))
    _settle(settings)


def _home() -> Path:
    """Unlike other commands this one may find a home without policies: they are in the backup."""
    import os
    from pathlib import Path

    return Path(os.environ.get("GATEHOUSE_HOME") or Path.cwd()).resolve()


def _settle(settings: Settings) -> None:
    """What a server does at its start, now, so that the operator sees whether it works."""
    from gatehouse.runtime import open_runtime

    try:
        runtime = open_runtime(settings.home)
        try:
            runtime.purge()
            runtime.checkpoints.make()
        finally:
            runtime.close()
    except GatehouseError as error:
        warn(f"restored, but the first purge failed: {error.message}")


def _facts(done: Restored) -> dict[str, Any]:
    scrubbed = done.scrubbed
    return {
        "backup": done.manifest.id,
        "parts": done.parts,
        "log_survived": done.since is not None,
        "conversations": scrubbed.kept,
        "conversations_left_out": scrubbed.conversations,
        "records_left_out": scrubbed.records,
        "holds_lapsed": scrubbed.holds,
        "policy_edits_forgotten": scrubbed.policy_edits,
        "recovery_codes_void": scrubbed.recovery_codes,
        "front_ends_revoked": scrubbed.front_ends,
        "accounts_closed": scrubbed.accounts_closed,
        "people_added_since": done.since.added if done.since else None,
        "files": done.files,
        "proof": {name: vars_of(found) for name, found in done.proof.classes.items()},
    }


def vars_of(found: Any) -> dict[str, int]:
    """The two numbers of one class of conversations."""
    return {"found": found.conversations, "opened": found.opened}


def _text(done: Restored) -> str:
    from gatehouse.clock import as_iso

    scrubbed, live = done.scrubbed, done.proof.classes["live"]
    lines = [
        f"restored {', '.join(done.parts)} of {as_iso(done.manifest.made_at)}",
        f"{live.conversations} conversations, {live.opened} of them open",
        f"{scrubbed.conversations} that are over were left out, none of them opened",
        "everybody is signed out; codes that were used cannot be used again",
    ]
    if scrubbed.holds:
        lines.append(f"{scrubbed.holds} legal holds that had ended lapsed")
    if scrubbed.policy_edits:
        lines.append(f"{scrubbed.policy_edits} waiting policy edits have to be proposed again")
    if scrubbed.recovery_codes:
        lines.append(
            f"{scrubbed.recovery_codes} recovery codes are void: people make new ones in the chat page"
        )
    if scrubbed.front_ends:
        lines.append(f"{scrubbed.front_ends} front ends have to be registered again")
    if done.since is None:
        lines.append("the log of the time since is lost: compare accounts with your own records")
    elif done.since.added:
        lines.append(f"{done.since.added} people were added since and are not in the backup")
    for name, why in sorted(scrubbed.accounts_closed.items()):
        reason = ", ".join(why) or "unknown"
        lines.append(f"closed: {name} (since the backup: {reason})")
    if scrubbed.accounts_closed:
        lines.append("look at each, then `gatehouse people enable NAME`")
    lines += [f"written: {path}" for path in done.files]
    return "\n".join(lines)
