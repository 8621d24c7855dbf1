"""`gatehouse keys`: make, watch, rotate, mirror, check, restore and re-seal the keys.

Whatever changes something is recorded in the audit log, after it is done, because the log itself
needs the ring. Nothing here prints a key, and nothing takes a secret from the command line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory

if TYPE_CHECKING:
    from gatehouse.errors import GatehouseError
    from gatehouse.keys import RingStatus
    from gatehouse.keys.mirror_state import MirrorState
    from gatehouse.settings import Settings

ROOTS = ("file", "pkcs11", "aws-kms", "vault")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def keys() -> None:
    """Manage the key ring and its root."""


@keys.command()
@json_option
def init(as_json: bool) -> None:
    """Make the ring, its first root and its mirror; `gatehouse init` does it as well."""
    from gatehouse.clock import SystemClock
    from gatehouse.keys import make_ring

    settings = _settings()
    make_ring(settings, SystemClock())
    _say({"made": True, "root": settings.keys.root, "home": settings.keys.home}, as_json)


@keys.command()
@json_option
def status(as_json: bool) -> None:
    """Show generation, keys, root and mirror; asks the root for nothing but to open the ring."""
    ring = _open()
    found = ring.status(live=True)
    ring.close()
    _say(_facts(found), as_json)


@keys.command()
@json_option
def rotate(as_json: bool) -> None:
    """Move to a new root generation now; running servers go on, old copies stop opening."""
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    runtime.audit.append("key_operation", operation="rotate")
    generation = runtime.ring.rotate()
    found = runtime.ring.status(live=True).mirror
    runtime.close()
    _say({"generation": generation}, as_json)
    if found is not None and not found.in_step:
        _warn(f"the mirror does not open until it has caught up: {found.error}")


@keys.command("renew-signing")
@json_option
def renew_signing(as_json: bool) -> None:
    """Destroy the keys that sign assertions and action calls; the next message makes new ones.

    For the day on which somebody may know one. They change by themselves every `keys.signing`.
    """
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    runtime.audit.append("key_operation", operation="renew_signing")
    for signing in (runtime.assertion_keys, runtime.call_keys):
        signing.renew()
    runtime.close()
    _say({"renewed": True}, as_json)


@keys.command()
@click.option("--new", is_flag=True, help="Make the first copy in the directory of keys.mirror.")
@json_option
def mirror(new: bool, as_json: bool) -> None:
    """Bring the mirror up to date now and open every key in it."""
    from gatehouse.clock import SystemClock
    from gatehouse.errors import InvalidInput
    from gatehouse.keys.opening import open_home, open_mirror, open_root
    from gatehouse.keys.restoring import copy_state

    settings, clock = _settings(), SystemClock()
    found = open_mirror(settings, open_home(settings), open_root(settings), clock)
    if found is None:
        raise InvalidInput("there is no mirror", "set keys.mirror to a directory on another volume")
    (found.make if new else found.sync)()
    generation, count = copy_state(settings, clock, found.path)
    state = found.state()
    _say(
        {"place": state.place, "generation": generation, "keys": count,
         "same_volume": state.same_volume},
        as_json,
    )  # fmt: skip
    if state.same_volume:
        _warn("the mirror is on the volume of the ring and would be lost with it")


@keys.command()
@json_option
def check(as_json: bool) -> None:
    """Open every key under the root, and in the mirror; fails when either is not as it should."""
    from gatehouse.errors import IntegrityError

    settings = _settings()
    ring = _open()
    checked, found = ring.check(), ring.status(live=True)
    ring.close()
    facts: dict[str, Any] = {
        "keys": checked.keys,
        "generation": checked.generation,
        "roots_left": checked.roots_left,
    }
    away: GatehouseError | None = None
    if found.mirror is not None:
        count, away = _keys_in(found.mirror, settings)
        facts |= {"mirror": found.mirror.place, "mirror_keys": count}
    _say(facts, as_json)
    if found.mirror is None:
        _warn("there is no mirror: with the ring every conversation would be lost")
    elif found.mirror.same_volume:
        _warn("the mirror is on the volume of the ring and would be lost with it")
    if checked.roots_left:
        raise IntegrityError(
            f"{checked.roots_left} old roots of this ring still exist",
            "an erasure is not final before they are gone; `gatehouse keys rotate` tries again",
        )
    if away is not None:
        raise away


def _keys_in(mirror: MirrorState, settings: Settings) -> tuple[int | None, GatehouseError | None]:
    """How many keys open in the mirror, or why it cannot be looked at now.

    Raises `IntegrityError` when it is not what was written.
    """
    from gatehouse.clock import SystemClock
    from gatehouse.errors import InvalidInput, NotReady
    from gatehouse.keys import RootMissing
    from gatehouse.keys.restoring import copy_state

    try:
        return copy_state(settings, SystemClock(), Path(mirror.place))[1], None
    except InvalidInput:
        return None, NotReady(
            f"the ring is whole, but there is no mirror in {mirror.place}",
            "is its volume mounted? `gatehouse keys mirror --new` makes the first copy",
        )
    except RootMissing:
        return None, NotReady(
            f"the ring is whole, but the mirror in {mirror.place} is of an earlier root",
            "`gatehouse keys mirror` brings it up to date",
        )


@keys.command()
@click.argument("copy", required=False, type=click.Path(path_type=Path))
@click.option("--older", is_flag=True, help="Also when the ring that is there is newer.")
@json_option
def restore(copy: Path | None, older: bool, as_json: bool) -> None:
    """Put COPY, or the mirror, in the place of the ring, when it opens under the root."""
    from gatehouse.clock import SystemClock
    from gatehouse.errors import InvalidInput
    from gatehouse.keys.restoring import restore_ring

    settings = _settings()
    if copy is None and not settings.keys.mirror:
        raise InvalidInput("there is no mirror to restore from", "name a copy of the ring")
    source = copy or settings.path(settings.keys.mirror)
    result = restore_ring(settings, SystemClock(), source, take_older=older)
    _say(
        {"generation": result.generation, "keys": result.keys,
         "replaced": str(result.replaced) if result.replaced else None},
        as_json,
    )  # fmt: skip
    _record_restore(settings, generation=result.generation, older=older)


@keys.command()
@click.option(
    "--from", "before", required=True, type=click.Choice(ROOTS), help="Where the root is now."
)
@json_option
def move(before: str, as_json: bool) -> None:
    """Move to the root that keys.root names, from another kind; stop serving first."""
    from gatehouse.clock import SystemClock
    from gatehouse.keys.restoring import move_root

    settings = _settings()
    generation = move_root(settings, SystemClock(), before)
    _say({"root": settings.keys.root, "generation": generation}, as_json)
    _record("move", before=before, after=settings.keys.root, generation=generation)


@keys.command()
@click.option("--count", is_flag=True, help="Only show what is still of another suite.")
@json_option
def reseal(count: bool, as_json: bool) -> None:
    """Seal everything anew with the cipher of keys.suite; safe to stop and run again.

    Servers go on meanwhile. Restart them with the new keys.suite first, because they seal with the
    one that they started with.
    """
    from gatehouse.errors import IntegrityError
    from gatehouse.ops.reseal import Resealer
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    resealer = Resealer(runtime)
    todo = resealer.outstanding()
    if count:
        _say({"suite": resealer.suite, **todo}, as_json)
        return
    runtime.audit.append("key_operation", operation="reseal", suite=resealer.suite)
    with click.progressbar(
        length=sum(todo.values()), label=f"sealing with {resealer.suite}", file=sys.stderr
    ) as bar:
        for done in resealer.steps():
            bar.update(done)
    left = resealer.outstanding()
    runtime.close()
    _say({"suite": resealer.suite, "refused": resealer.refused, **left}, as_json)
    if resealer.refused:
        raise IntegrityError(
            f"{resealer.refused} records are not what was written; they were left as they are",
            "the audit log names a conversation when it is used next",
        )
    if any(left.values()):
        _warn("something is of another suite again: does a server run with another keys.suite?")


def _settings() -> Settings:
    from gatehouse.settings import load_settings

    return load_settings(home_directory())


def _open() -> Any:
    from gatehouse.clock import SystemClock
    from gatehouse.keys import open_ring

    return open_ring(_settings(), SystemClock())


def _facts(status: RingStatus) -> dict[str, Any]:
    from gatehouse.clock import as_iso

    mirror = status.mirror
    return {
        "home": status.home,
        "root": status.root,
        "generation": status.generation,
        "rotated_at": as_iso(status.rotated_at),
        "buckets": status.buckets,
        "keys": status.keys,
        "held": status.held,
        "kept": status.kept,
        "services": status.services,
        "root_error": status.root_error,
        "mirror": mirror.place if mirror else None,
        "mirror_in_step": mirror.in_step if mirror else None,
        "mirror_synced_at": as_iso(mirror.synced_at) if mirror and mirror.synced_at else None,
        "mirror_error": mirror.error if mirror else None,
    }


def _record(operation: str, **facts: Any) -> None:
    """The audit entry of something that is done already."""
    from gatehouse.errors import GatehouseError
    from gatehouse.runtime import open_runtime

    try:
        runtime = open_runtime(home_directory())
        runtime.audit.append("key_operation", operation=operation, **facts)
        runtime.close()
    except GatehouseError as error:
        _warn(f"done, but not recorded in the audit log: {error.message}")


def _record_restore(settings: Settings, **facts: Any) -> None:
    """The audit entry, in the log alone: the databases may be lost too, and an empty log that is made
    for the occasion would be in the way of the one in the backup."""
    from gatehouse.audit.deployment import open_log
    from gatehouse.backup.deployment import AUDIT
    from gatehouse.backup.places import places
    from gatehouse.clock import SystemClock
    from gatehouse.errors import GatehouseError
    from gatehouse.keys import open_ring

    try:
        if not places(settings)[AUDIT].is_made():
            _warn(
                "there is no audit log to record it in; `gatehouse backup restore` brings it back"
            )
            return
        ring = open_ring(settings, SystemClock())
        log = open_log(settings, SystemClock(), ring)
        log.append("key_operation", operation="restore", **facts)
        log.engine.dispose()
        ring.close()
    except GatehouseError as error:
        _warn(f"done, but not recorded in the audit log: {error.message}")


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = "-" if value is None else value
        if isinstance(value, bool):
            shown = "yes" if value else "no"
        click.echo(f"{name.replace('_', ' '):<{width}}  {shown}")


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)
