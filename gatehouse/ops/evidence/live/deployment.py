"""Looks at settings, accounts, retention, keys and clock of a deployment.

Accounts are counted and never named. Of the settings only those are shown that cannot hold a secret,
an address or a name; of the others whether they are set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from gatehouse.audit.clocksync import SYNCHRONISED, UNKNOWN, ClockSync
from gatehouse.clock import as_iso
from gatehouse.ops.evidence.live.result import Absent, Asked, Live
from gatehouse.production import findings
from gatehouse.settings import SECTIONS, Settings
from gatehouse.tracker.schema import conversations, holds

SHOWN: Final = frozenset(
    {"keys.namespace", "policy.approver_role", "policy.time_zone", "retention.hold_role"}
)
"""Settings of free text that are shown as they are."""
_GRACE: Final = 900.0  # seconds after which an expired conversation should have been removed


def configuration(asked: Asked) -> Live:
    """Every setting, and what stands against serving real people."""
    settings = asked.runtime.settings
    found = [finding.what for finding in findings(asked.runtime)]
    return Live(
        good=not found,
        why="; ".join(found),
        facts={
            "profile": settings.server.profile,
            "against_production": found,
            "settings": dict(shown_settings(settings)),
        },
    )


def shown_settings(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Each setting with a value that may be shown; free text only as set or not set."""
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            name = f"{section}.{item.name}"
            value = getattr(getattr(settings, section), item.name)
            if isinstance(value, str) and not item.metadata.get("choices") and name not in SHOWN:
                value = "set" if value else "not set"
            elif isinstance(value, tuple):
                value = f"{len(value)} listed"
            yield name, value


def accounts(asked: Asked) -> Live:
    """How many accounts there are, of which roles, and how many can confirm a protected request."""
    people = asked.runtime.directory.people()
    active = [one for one in people if not one.disabled]
    factors = Counter(kind for one in active for kind in asked.runtime.step_up.can_confirm(one.id))
    without = sum(not asked.runtime.step_up.can_confirm(one.id) for one in active)
    return Live(
        facts={
            "accounts": len(people),
            "active": len(active),
            "closed": len(people) - len(active),
            "demonstration": sum(one.demo for one in people),
            "must_change_password": sum(one.must_change_password for one in active),
            "without_second_factor": without,
            "second_factors": dict(sorted(factors.items())),
            "active_by_role": dict(sorted(Counter(r for one in active for r in one.roles).items())),
        }
    )


def retention(asked: Asked) -> Live:
    """How long is kept, whether anything is overdue, and how many legal holds there are."""
    runtime, now = asked.runtime, asked.runtime.clock.now()
    settings = runtime.settings.retention
    table = conversations.c
    expired = (table.expires_at < now - _GRACE) & table.held_since.is_(None)
    asked_to_end = table.end_requested_at < now - _GRACE
    with runtime.engine.connect() as connection:

        def count(*which: Any) -> int:
            statement = sa.select(sa.func.count()).select_from(conversations).where(*which)
            return int(connection.execute(statement).scalar_one())

        numbers = {
            "conversations": count(),
            "expired_not_removed": count(expired),
            "endings_not_carried_out": count(asked_to_end),
            "under_legal_hold": count(table.held_since.is_not(None)),
        }
        by_state = sa.select(holds.c.state, sa.func.count()).group_by(holds.c.state)
        holds_by_state = {state: number for state, number in connection.execute(by_state)}
    late = numbers["expired_not_removed"] + numbers["endings_not_carried_out"]
    return Live(
        good=late == 0,
        why=f"{late} conversations should have been removed" if late else "",
        facts={
            "time_to_live_seconds": settings.ttl,
            "counts_from": settings.counts_from,
            "purge_interval_seconds": settings.purge_interval,
            "classes_seconds": dict(runtime.policies.current().vocabulary.retention),
            **numbers,
            "holds": holds_by_state,
        },
    )


def keys(asked: Asked) -> Live:
    """Whether every key opens, no old root is left, and the mirror is in step."""
    checked = asked.runtime.ring.check()
    status = asked.runtime.ring.status(live=True)
    mirror, wrong = status.mirror, []
    if checked.roots_left:
        wrong.append(f"{checked.roots_left} old roots still exist, so an erasure is not final")
    if mirror is None:
        wrong.append("there is no mirror of the key ring")
    elif not mirror.in_step:
        wrong.append("the mirror of the key ring is behind or away")
    elif mirror.same_volume:
        wrong.append("the mirror is on the volume of the key ring")
    return Live(
        good=not checked.roots_left,
        why="; ".join(wrong),
        facts={
            "ring": status.home,
            "root": status.root,
            "generation": status.generation,
            "rotated_at": as_iso(status.rotated_at),
            "keys_that_open": checked.keys,
            "old_roots_left": checked.roots_left,
            "keys": status.keys,
            "held": status.held,
            "mirror": "none" if mirror is None else "in step" if mirror.in_step else "behind",
            "suite": asked.runtime.settings.keys.suite,
        },
    )


def clock(asked: Asked) -> Live:
    """Whether the kernel knows its clock to be held to a reference."""
    state = ClockSync().state()
    if state == UNKNOWN:
        raise Absent("the kernel does not say whether the clock is synchronised")
    good = state == SYNCHRONISED
    return Live(
        good=good,
        why="" if good else "the clock is not synchronised",
        facts={"state": state, "now": as_iso(asked.runtime.clock.now())},
    )
