"""The audit log that a restore is written into: the one that survived, or the one of the backup.

A log that survived must continue that of the backup; a restored one must be as long as its anchor and
its witnesses remember. Neither is ever shortened quietly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gatehouse.audit import AuditLog, Kept
from gatehouse.audit import verify as verify_log
from gatehouse.audit.checkpoint import Trust
from gatehouse.audit.deployment import open_checkpointer, open_log
from gatehouse.audit.errors import AuditTampered
from gatehouse.backup.deployment import AUDIT
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.places import places
from gatehouse.backup.since import has_gap
from gatehouse.clock import Clock, as_datetime, as_iso
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.settings import Settings


@contextmanager
def restored_log(
    settings: Settings, clock: Clock, ring: KeyRing, manifest: Manifest, *, survived: bool
) -> Iterator[AuditLog]:
    """The log that survived, or else the restored one, verified and as long as anybody remembers.

    Raises `NotReady` when it was longer once: its end is lost, and that has to be owned up to.
    """
    if not survived:
        url = places(settings)[AUDIT].new_url
        settings = replace(settings, audit=replace(settings.audit, url=url, url_file=""))
    log = open_log(settings, clock, ring)
    try:
        checkpointer = open_checkpointer(settings, clock, ring, log)
        if not survived:
            verify_log(
                log,
                manifest.audit_entries,
                trust=checkpointer.trust,
                kept=_kept(checkpointer.trust, manifest),
            )
        try:
            checkpointer.require_whole()
        except AuditTampered as error:
            origin, day = checkpointer.trust.origin, f"{as_datetime(clock.now()):%Y%m%dT%H%M}"
            raise NotReady(
                f"the audit log of this backup lacks its end: {error.message}",
                "those entries are lost; say so with a new name and a new witness file in "
                "gatehouse.toml, then restore again:",
                "[audit]",
                f'origin = "{origin}/{day}"',
                f'witness_file = "var/witness/audit-{day}.jsonl"',
                "keep the old witness file as the record of what was lost",
            ) from error
        yield log
    finally:
        log.engine.dispose()


def _kept(trust: Trust, manifest: Manifest) -> list[Kept]:
    """The checkpoint that the manifest names, unless the log had another name then."""
    note = manifest.audit_checkpoint
    return [] if not note or trust.is_former(note) else [Kept("the backup", [note])]


def undecided(why: str, manifest: Manifest) -> NotReady:
    """The error when nobody said what becomes of accounts, and no log can."""
    return NotReady(
        f"{why}, so nobody can say which accounts changed since {as_iso(manifest.made_at)}",
        "--accounts closed closes them all; open each with `gatehouse people enable`",
        "--accounts open leaves them as they were then, leavers and lost roles included",
    )


def require_older(
    settings: Settings, clock: Clock, ring: KeyRing, manifest: Manifest, *, decided: bool
) -> None:
    """Raise `InvalidInput` when the log that is there does not continue that of the backup, and
    `NotReady` when it has a gap since then and nobody `decided` about accounts."""
    log = open_log(settings, clock, ring)
    try:
        checkpointer = open_checkpointer(settings, clock, ring, log)
        checkpointer.require_whole()
        if log.size() < manifest.audit_entries:
            raise InvalidInput(
                "the audit log that is there is older than the backup",
                "move it aside to restore that of the backup as well",
            )
        verify_log(log, manifest.audit_entries, trust=checkpointer.trust)
        if not decided and has_gap(log, manifest.audit_entries):
            raise undecided("the audit log itself came out of a backup since then", manifest)
    finally:
        log.engine.dispose()
