"""Looks at the audit log: whether it is what was written, and how much it recorded of what.

Entries are counted by kind and month. None is taken along, not even under its pseudonym.
"""

from __future__ import annotations

import os
from collections import Counter

from gatehouse.audit import Kept, verify
from gatehouse.audit.witness import notes_of
from gatehouse.ops.evidence.live.result import Asked, Live
from gatehouse.runtime import Runtime


def verification(asked: Asked) -> Live:
    """Chain, tree and every checkpoint, recomputed; what is not witnessed is said."""
    runtime = asked.runtime
    runtime.checkpoints.require_whole()
    report = verify(runtime.audit, trust=runtime.checkpoints.trust, kept=_witnessed(runtime))
    runtime.checkpoints.require_kept()
    return Live(
        good=True,
        why=_weak(runtime),
        facts={
            "entries": report.entries,
            "root": report.root,
            "checkpoints": report.checkpoints,
            "entries_under_checkpoint": report.checkpointed,
            "entries_witnessed": report.witnessed,
            "log": runtime.checkpoints.trust.origin,
        },
    )


def activity(asked: Asked) -> Live:
    """Numbers of entries for each month and kind, and of decisions for each effect."""
    months: dict[str, Counter[str]] = {}
    effects: dict[str, Counter[str]] = {}
    for entry in asked.runtime.audit.entries(batch=5000):
        facts = entry.facts()
        month = facts["at"][:7]
        months.setdefault(month, Counter())[facts["kind"]] += 1
        if facts["kind"] == "decision":
            effects.setdefault(month, Counter())[str(facts.get("effect"))] += 1
    return Live(
        facts={
            "entries_by_month": {month: dict(sorted(c.items())) for month, c in months.items()},
            "decisions_by_month": {month: dict(sorted(c.items())) for month, c in effects.items()},
        }
    )


def _witnessed(runtime: Runtime) -> list[Kept]:
    name = runtime.settings.audit.witness_file
    path = runtime.settings.path(name) if name else None
    if path is None or not path.exists():
        return []
    return [Kept("the witness file", notes_of(path), is_witness=True)]


def _weak(runtime: Runtime) -> str:
    """What a whole log does not protect against here."""
    settings = runtime.settings.audit
    if not settings.witness_file and not settings.witness_url:
        return "there is no witness: who holds database and keys could rewrite everything"
    if settings.witness_url or runtime.audit.engine.dialect.name != "sqlite":
        return ""
    witness = runtime.settings.path(settings.witness_file)
    database = runtime.audit.engine.url.database or ""
    try:
        same = os.stat(database).st_dev == os.stat(witness).st_dev
    except OSError:
        return "the witness file is not there yet"
    return "the witness file is on the volume of the database" if same else ""
