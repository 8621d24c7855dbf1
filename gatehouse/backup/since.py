"""What the audit log that is in use says happened after a backup was made.

Only what closes something is taken from it: accounts that changed, holds that ended, codes that were
used or wrong. A log that lost a stretch itself must say so, because its silence means nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatehouse.audit import AuditLog

_CHANGES: Final = frozenset({"administration", "password_changed"})


@dataclass(frozen=True, slots=True)
class Since:
    """What the log that is in use says happened after the backup.

    `accounts` are ids of people with what was done to them; `added` how many people the backup does
    not know; `holds` the ids of those that ended. `wrong_codes` how many each person
    gave; `gap` says that the log itself was restored since, so that what happened between is told by nobody.
    """

    accounts: Mapping[str, tuple[str, ...]]
    added: int
    holds: frozenset[str]
    recovery_used: frozenset[str]
    gap: bool = False
    wrong_codes: Mapping[str, int] = field(default_factory=dict)


def has_gap(log: AuditLog, at_least: int) -> bool:
    """Whether the log was restored after its first `at_least` entries: what it had lost then is
    told by nobody."""
    return any(_is_gap(entry.facts()) for entry in log.entries(at_least))


def _is_gap(facts: Mapping[str, Any]) -> bool:
    return facts.get("kind") == "backup_restored" and facts.get("log_survived") is not True


def since_of(log: AuditLog, at_least: int, known: Iterable[str]) -> Since:
    """What the entries after the first `at_least` say about the people whose ids are `known`."""
    ids = list(known)
    names = {name: one for one in ids for name in log.pseudonyms("person", one)}
    accounts: dict[str, list[str]] = {}
    added, holds, recovery, gap = 0, set[str](), set[str](), False
    wrong = Counter[str]()
    for entry in log.entries(at_least):
        facts = entry.facts()
        kind, operation = facts.get("kind"), str(facts.get("operation", ""))
        who = names.get(str(facts.get("person", "")))
        gap = gap or _is_gap(facts)
        if kind == "legal_hold" and operation in ("released", "lapsed"):
            holds.add(str(facts.get("hold")))
        elif kind == "administration" and operation == "people.added" and who is None:
            added += 1
        if who is None:
            continue
        if kind in _CHANGES:
            what = operation or str(kind)
            if what not in accounts.setdefault(who, []):
                accounts[who].append(what)
        elif kind == "step_up_passed" and facts.get("factor") == "recovery":
            recovery.add(who)
        elif kind == "step_up_failed":
            wrong[who] += 1
    changed = {who: tuple(what) for who, what in accounts.items()}
    return Since(changed, added, frozenset(holds), frozenset(recovery), gap, wrong)
