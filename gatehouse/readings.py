"""The states of a deployment as numbers, looked up when somebody asks for metrics.

Reads what each room says of itself. A room that does not answer leaves its numbers out, and its part
of `gatehouse_up` says so; the look itself never fails. No number names a person or a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from gatehouse.backup.status import read_status
from gatehouse.logs import get_logger, place_of
from gatehouse.metrics import Reading

log = get_logger(__name__)

_NONE: Mapping[str, str] = {}


def readings(parts: Any) -> Iterable[Reading]:
    """Every state of `parts`, a runtime."""
    for look in (_about, _policies, _purges, _ring, _audit, _backups, _resets):
        try:
            found = list(look(parts))
        except Exception as error:  # noqa: BLE001 - the other numbers matter all the more now
            log.debug("a state could not be read", error=place_of(error))
            continue
        yield from found


def _about(parts: Any) -> Iterator[Reading]:
    labels = {"version": version("gatehouse"), "profile": parts.settings.server.profile}
    yield "gatehouse_info", "What is running.", 1.0, labels


def _policies(parts: Any) -> Iterator[Reading]:
    now, status = parts.clock.now(), parts.policies.status()
    labels = {"revision": status.revision[:12]}
    yield "gatehouse_policy_info", "The policies in force.", 1.0, labels
    for name, since, meaning in (
        ("age", status.since, "Time since the policies in force took effect."),
        ("refused", status.refused_at, "Time since the files are refused; 0 when they are not."),
        ("pending", status.pending_at, "Time that an edit waits for a second person; 0 for none."),
    ):
        seconds = 0.0 if since is None else max(0.0, now - since)
        yield f"gatehouse_policy_{name}_seconds", meaning, seconds, _NONE


def _resets(parts: Any) -> Iterator[Reading]:
    yield (
        "gatehouse_factor_resets_alone",
        "Resets of second factors by one operator alone within a day.",
        float(parts.factors.resets.alone_lately()),
        _NONE,
    )


def _purges(parts: Any) -> Iterator[Reading]:
    now, status = parts.clock.now(), parts.purges.status()
    yield (
        "gatehouse_purge_lag_seconds",
        "Time since the last purge that succeeded.",
        parts.purges.lag(now),
        _NONE,
    )
    yield (
        "gatehouse_purge_overdue_seconds",
        "How late the last purge removed the first of what it removed.",
        status.overdue,
        _NONE,
    )
    yield "gatehouse_purge_failures", "Purges that failed.", float(status.failures), _NONE


def _ring(parts: Any) -> Iterator[Reading]:
    ring, now = parts.ring.status(), parts.clock.now()
    age = now - ring.rotated_at
    yield "gatehouse_ring_generation", "Generation of the root key.", ring.generation, _NONE
    yield "gatehouse_ring_rotated_seconds", "Age of the root key.", age, _NONE
    counted = {"living": ring.keys, "held": ring.held, "kept": ring.kept}
    for state, count in counted.items():
        number = float(count)
        yield "gatehouse_ring_keys", "Keys by why they are there.", number, {"state": state}
    failed = float(ring.root_error is not None)
    yield "gatehouse_ring_root_failed", "Whether the last use of the root failed.", failed, _NONE
    if ring.mirror is not None:
        behind = float(not ring.mirror.in_step)
        yield "gatehouse_ring_mirror_behind", "Whether the mirror is behind.", behind, _NONE


def _audit(parts: Any) -> Iterator[Reading]:
    status, now = parts.checkpoints.status(), parts.clock.now()
    yield "gatehouse_audit_size", "Entries in the log.", float(status.entries), _NONE
    unsigned = float(status.entries - status.checkpointed)
    yield "gatehouse_audit_unsigned", "Entries that no checkpoint covers.", unsigned, _NONE
    tampered = float(status.tampered is not None)
    yield "gatehouse_audit_tampered", "Whether the log is not what was written.", tampered, _NONE
    if status.checkpoint_at is not None:
        age = max(0.0, now - status.checkpoint_at)
        yield "gatehouse_audit_checkpoint_seconds", "Age of the last checkpoint.", age, _NONE
    for witness in status.witnesses:
        labels = {"witness": witness.name}
        failed = float(witness.error is not None)
        yield "gatehouse_witness_failed", "Whether a witness could not be asked.", failed, labels
        behind = float(max(0, status.checkpointed - witness.size))
        yield "gatehouse_witness_behind", "Signed entries that it has not seen.", behind, labels


def _backups(parts: Any) -> Iterator[Reading]:
    settings, now = parts.settings.backup, parts.clock.now()
    configured = bool(settings.target and settings.every)
    yield (
        "gatehouse_backup_configured",
        "Whether this process makes backups.",
        float(configured),
        _NONE,
    )
    if not configured:
        return
    status = read_status(parts.settings)
    for name, at, meaning in (
        ("backup", status.last_backup_at, "Age of the newest backup that was read back whole."),
        ("backup_drill", status.last_drill_at, "Time since a backup was tried in a drill."),
    ):
        age = float("inf") if at is None else max(0.0, now - at)
        yield f"gatehouse_{name}_age_seconds", meaning, age, _NONE
    for name, failed, meaning in (
        ("backup_failed", status.last_error is not None, "Whether the last backup failed."),
        ("backup_drill_failed", status.last_drill_ok is False, "Whether the last drill failed."),
        ("backup_same_volume", bool(status.same_volume), "Whether backups lie with the data."),
    ):
        yield f"gatehouse_{name}", meaning, float(failed), _NONE
