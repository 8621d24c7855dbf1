"""Takes over what other commands found: tests, self-test, backups, doctor, bill of materials.

Each is checked for being what it says before it is attached. What was not run is not available, and
the way to run it is named.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gatehouse.backup.status import read_status
from gatehouse.clock import as_iso
from gatehouse.ops.doctor import examine
from gatehouse.ops.doctor.finding import LEVELS
from gatehouse.ops.evidence.live.result import Absent, Asked, Live
from gatehouse.ops.evidence.outcomes import FAILED, NOT_RUN, PACKAGE, PASSED

AUDIT: Final = PACKAGE.parent / "build" / "audit"
"""Where `make audit` leaves its results, on the checkout that this program was installed from."""
_ENDED: Final = {"passed": PASSED, "failed": FAILED, "not_run": NOT_RUN}
_DRILL: Final = 92 * 86400.0  # seconds after which a drill should have been repeated
_LOOKED_UP: Final = 45 * 86400.0  # seconds after which a look at advisories says nothing about now
_ATTACKED: Final = 92 * 86400.0  # seconds after which attacks should have been repeated
_AHEAD: Final = 300.0  # seconds that the clock of another host may be ahead
_LEVELS: Final = {"bad": "to mend", "unknown": "could not be checked", "advice": "advised"}
_LARGEST: Final = 32 << 20  # bytes of a report


def tests(asked: Asked) -> Live:
    """How the tests of this very code ended, when a run left its results."""
    if asked.outcomes_absent:
        raise Absent(asked.outcomes_absent)
    counts = asked.outcomes.counts()
    failed = sorted(name for name, how in asked.outcomes.tests.items() if how == FAILED)
    return Live(
        good=not failed,
        why=f"{len(failed)} tests failed" if failed else "",
        facts={"made": list(asked.outcomes.made), "counts": counts, "failed": failed[:200]},
    )


def sbom(asked: Asked) -> Live:
    """The bill of materials of the production set, in CycloneDX."""
    path = (asked.audit or AUDIT) / "sbom.cdx.json"
    document, raw = _document(path, "there is no bill of materials; `make audit` makes one")
    components = document.get("components")
    if document.get("bomFormat") != "CycloneDX" or not isinstance(components, list):
        raise Absent("the file named as bill of materials is not one in CycloneDX")
    return Live(
        facts={
            "format": f"CycloneDX {document.get('specVersion')}",
            "made": _text(document.get("metadata"), "timestamp"),
            "components": len(components),
        },
        files={"sbom.cdx.json": raw},
    )


def advisories(asked: Asked) -> Live:
    """What is known against the production set, as far as a service could be asked."""
    path = (asked.audit or AUDIT) / "advisories.json"
    document, raw = _document(path, "advisories were not looked up; `make audit` does it")
    try:
        if not document["checked"]:
            raise Absent("advisories could not be looked up where `make audit` ran")
        still_open, age = int(document["open"]), _age(asked, document["made"])
    except (KeyError, TypeError, ValueError):
        raise Absent("the result about advisories cannot be read") from None
    if age > _LOOKED_UP:
        raise Absent(f"advisories were looked up {age / 86400:.0f} days ago; `make audit` does it")
    return Live(
        good=not still_open,
        why=f"{still_open} advisories are open" if still_open else "",
        facts={
            "made": document["made"],
            "open": still_open,
            "packages": document.get("packages"),
        },
        files={"advisories.json": raw},
    )


def selftest(asked: Asked) -> Live:
    """What attacks on the running deployment found, of the report of `gatehouse selftest`.

    Outcomes only: the words of a finding stay in the report, they may quote an address or account.
    """
    if asked.selftest is None:
        raise Absent(
            "no report of a self-test was named; `gatehouse selftest URL --json FILE` makes one"
        )
    document, _ = _document(asked.selftest, "the report of the self-test is not there")
    try:
        parts = {str(one["id"]): _ENDED[one["outcome"]] for one in document["attacks"]}
        severities = {str(one["id"]): str(one["severity"]) for one in document["attacks"]}
        version, account = document["version"], bool(document["account"])
        age = _age(asked, document["made"])
    except (KeyError, TypeError, ValueError):
        raise Absent("the report of the self-test cannot be read") from None
    if version != 1 or not parts:
        raise Absent("the report of the self-test is of another form")
    failed = sorted(name for name, how in parts.items() if how == FAILED)
    weak = [] if account else ["no test account was used"]
    if not_run := sum(how == NOT_RUN for how in parts.values()):
        weak.append(f"{not_run} attacks were not made")
    if age > _ATTACKED:
        weak.append(f"the attacks were made {age / 86400:.0f} days ago")
    return Live(
        good=not failed,
        why=f"these attacks succeeded: {', '.join(failed)}" if failed else "; ".join(weak),
        facts={
            "made": str(document["made"]),
            "with_account": account,
            "severities": severities,
        },
        parts=parts,
    )


def backup(asked: Asked) -> Live:
    """When the last backup was made and read back, and how the last drill went, on this host."""
    runtime = asked.runtime
    settings, now = runtime.settings.backup, runtime.clock.now()
    status = read_status(runtime.settings)
    if not settings.target:
        raise Absent("no second place for backups is set (backup.target)")
    wrong, weak = [], []
    if status.last_backup_at is None:
        wrong.append("no backup was made on this host")
    elif settings.every and now - status.last_backup_at > 2 * settings.every:
        wrong.append("the last backup is older than it should be")
    if status.last_error_at and status.last_error_at > (status.last_backup_at or 0):
        wrong.append("the last backup failed")
    if status.last_drill_ok is False:
        wrong.append("the last drill failed")
    if status.last_drill_at is None:
        weak.append("no drill has restored a backup yet")
    elif now - status.last_drill_at > _DRILL:
        weak.append("the last drill is more than a quarter ago")
    if status.same_volume:
        weak.append("backups are on the volume of the databases")
    times = ("last_backup_at", "last_verified_at", "last_drill_at", "last_pruned_at")
    return Live(
        good=not wrong,
        why="; ".join([*wrong, *weak]),
        facts={
            **{name: _time(getattr(status, name)) for name in times},
            "last_drill_ok": status.last_drill_ok,
            "last_drill_seconds": status.last_drill_seconds,
            "every_seconds": settings.every,
            "same_volume": status.same_volume,
        },
    )


def doctor(asked: Asked) -> Live:
    """What the doctor finds on host and parts, now: which finding is how grave.

    Its words are left out; they may name a path, an address or a host.
    """
    report = examine(asked.runtime.settings.home, clock=asked.runtime.clock)
    gravest_last = sorted(report.findings, key=lambda one: LEVELS.index(one.level), reverse=True)
    levels = {one.id: str(one.level) for one in gravest_last}
    found = {level: sorted(n for n, one in levels.items() if one == level) for level in _LEVELS}
    said = [
        f"{words}: {', '.join(found[level])}" for level, words in _LEVELS.items() if found[level]
    ]
    return Live(
        good=not found["bad"],
        why="; ".join(said),
        facts={"profile": report.profile, "findings": levels},
    )


def _document(path: Path, absent: str) -> tuple[dict[str, Any], bytes]:
    """A JSON document and its bytes; raises `Absent`."""
    try:
        if path.stat().st_size > _LARGEST:
            raise Absent("the report is too large to be one")
        raw = path.read_bytes()
    except OSError:
        raise Absent(absent) from None
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise Absent("the report cannot be read: it is not JSON") from None
    if not isinstance(document, dict):
        raise Absent("the report cannot be read: it is no JSON object")
    return document, raw


def _age(asked: Asked, made: object) -> float:
    """Seconds since `made` (RFC 3339); ValueError for what is no time, or one that is still to come."""
    moment = datetime.fromisoformat(str(made))
    age = asked.runtime.clock.now() - moment.timestamp()
    if moment.tzinfo is None or age < -_AHEAD:
        raise ValueError("no moment of the past")
    return age


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else as_iso(seconds)


def _text(about: Any, key: str) -> str:
    return str(about.get(key, "")) if isinstance(about, dict) else ""
